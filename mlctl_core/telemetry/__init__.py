"""Metrics, events, logs: what the runtime says about itself."""
