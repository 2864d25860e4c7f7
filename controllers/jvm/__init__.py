"""What sets jobs of the JVM apart: their command line, and steps that need no Python."""
