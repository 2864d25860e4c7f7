"""The mlctl command for people."""
