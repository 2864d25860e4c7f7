"""Shared caches: one list and watch per kind, kept as bytes, indexed by owner and label.

Promises that a store never goes back in time and that handlers see changes per object in
order; does not promise any order across objects.
"""
