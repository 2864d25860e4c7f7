"""What the pods of a job are made of, whatever its kind."""
