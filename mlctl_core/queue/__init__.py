"""The work queue: one entry per key, one worker per key at a time, delays and back-off.

Promises that a key added while it is worked on runs once more; does not promise order.
"""
