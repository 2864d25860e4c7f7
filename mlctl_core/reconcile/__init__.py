"""Plan, view, triggers, writer and the worker loop that join desired and observed state.

A planner is pure; only the writer and the controller loop touch the API server.
"""
