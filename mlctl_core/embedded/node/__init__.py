"""Nodes that run pods as local processes or simulate them, as ordinary clients of the API.

``python -m mlctl_core.embedded.node`` runs them against any API server; `agent.run_nodes` is the
same for a program. A pod's life is decided in `machine`, without I/O; `process_runtime` and
`simulated_runtime` do what it says, and `status_writer` tells the API server.

Not for strangers' programs: containers run as the node's user, see the host's files, share its
network, and a memory limit is watched rather than enforced by the kernel. CPU and storage limits
only count for placement. On Linux each pod has an address and a host name of its own on the
loopback network, and finds others by the names of their Services (`addresses`, `sockets`); where
the kernel refuses that, pods share the host's. There are no probes, lifecycle hooks, persistent
volumes or exec.
"""
