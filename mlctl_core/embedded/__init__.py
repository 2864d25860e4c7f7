"""A control plane for laptops and tests: API server, scheduler and nodes in local processes.

Speaks the real HTTP API, keeps its state in memory, and is not for production.
"""
