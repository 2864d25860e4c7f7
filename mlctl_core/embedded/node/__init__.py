"""Nodes that run pods as local processes or simulate them, as ordinary clients of the API."""
