"""The life of a job, whatever its kind: what its pods have come to, and what follows from it."""
