"""The API of the machine-learning platform: group mlctl.dev."""
