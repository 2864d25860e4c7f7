"""Tools for testing controllers: virtual time and faults, for this project and for others."""
