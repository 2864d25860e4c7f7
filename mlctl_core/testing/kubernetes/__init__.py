"""The programs of a real Kubernetes control plane: where they are, and how they are built.

`python -m mlctl_core.testing.kubernetes` builds them from Go modules; no container engine and
no download of binaries is involved. `mlctl_core.testing.control_plane` runs them.
"""
