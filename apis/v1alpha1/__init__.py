"""mlctl.dev/v1alpha1: one module per kind; docstrings become the CRDs' descriptions."""
