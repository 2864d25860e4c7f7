"""Nodes that run pods as local processes or simulate them, as ordinary clients of the API.

``python -m mlctl_core.embedded.node`` runs them against any API server; `agent.run_nodes` is the
same for a program. A pod's life is decided in `machine`, without I/O; `process_runtime` and
`simulated_runtime` do what it says, and `status_writer` tells the API server.

Not for strangers' programs: containers run as the node's user, see the host's files, share its
network, and a memory limit is watched rather than enforced by the kernel. CPU and storage limits
only count for placement. There are no probes, lifecycle hooks, persistent volumes or exec.
"""
