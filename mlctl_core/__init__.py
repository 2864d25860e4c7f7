"""mlctl_core: a reconcile-loop runtime for Kubernetes controllers.

Bytes from the API server flow one way: stream, cache, queue, plan, writes. What a person
writes for a kind is the pure function in the middle.

Names are loaded when first used, so that a planner's module imports no I/O.
"""
