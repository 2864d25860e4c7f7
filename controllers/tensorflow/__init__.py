"""What a TensorFlow program is told about the job that it is part of."""
