"""What torchrun is told about the job that it is part of, and how it is run."""
