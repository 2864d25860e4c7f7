"""The machine-learning controllers: one planner per kind, built on mlctl_core."""
