"""The one door to the API server: configuration, credentials, session, errors, byte streams.

Promises bytes and typed errors; does not decode objects and does not cache.
"""
