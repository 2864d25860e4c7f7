"""The life of a process: order of start and stop, leader election, health, signals."""
