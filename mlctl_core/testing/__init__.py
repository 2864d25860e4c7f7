"""Tools for testing controllers: virtual time and builders, for this project and for others.
"""
