"""What a Spark application is told about the job that it is, and how it gets its executors."""
