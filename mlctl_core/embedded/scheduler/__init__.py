"""A small scheduler: places pods on nodes, as an ordinary client of the API."""
