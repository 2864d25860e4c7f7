"""What is told about the catalogue's objects: who uses them, and what is wrong with them."""
