"""An API server that speaks the Kubernetes HTTP API, with its state in memory."""
