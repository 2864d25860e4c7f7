"""What proves who a job is: reading it without telling it, and saying whether it will do."""
