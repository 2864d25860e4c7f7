"""Kinds, keys, metadata, conditions, quantities, selectors, and API classes as schemas.

Everything here is data and pure functions: nothing waits, nothing talks to a server.
"""
