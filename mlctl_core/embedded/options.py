"""The command line of the embedded control plane."""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs


@attrs.frozen
class EmbeddedOptions:
    """What to run."""

    kubeconfig_out: Path | None = None
    """Where an administrator's kubeconfig is written, readable by its owner only."""
    port: int = 0
    """Where the API is served on 127.0.0.1; 0 takes a free port."""
    pods: str = "process"
    """`process` runs containers as local processes, `simulated` moves pods through their
    phases by annotations, `none` runs no nodes and no scheduler."""
    nodes: int = 1
    """How many nodes of the kind `pods` says."""
    gpus_per_node: int = 0
    """How many GPUs each of them claims to have."""
    node: tuple[str, ...] = ()
    """Further nodes, each as `name=…,pods=…,cpu=…,memory=…,gpus=…`."""
    images: Path | None = None
    """YAML: image names and the local environments that stand for them."""


def parse_arguments(arguments: list[str] | None = None) -> EmbeddedOptions:
    """Read the command line; the process ends with 2 when it makes no sense."""
    defaults = EmbeddedOptions()
    parser = argparse.ArgumentParser(
        prog="python -m mlctl_core.embedded",
        description="A Kubernetes control plane with its state in memory, for laptops and tests.",
    )
    parser.add_argument("--kubeconfig-out", type=Path, metavar="FILE")
    parser.add_argument("--port", type=int, default=defaults.port)
    parser.add_argument("--pods", choices=["process", "simulated", "none"], default=defaults.pods)
    parser.add_argument("--nodes", type=int, default=defaults.nodes, metavar="N")
    parser.add_argument("--gpus-per-node", type=int, default=defaults.gpus_per_node, metavar="M")
    parser.add_argument("--node", action="append", default=[], metavar="name=…,pods=…,cpu=…")
    parser.add_argument("--images", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    return EmbeddedOptions(
        kubeconfig_out=given.kubeconfig_out,
        port=given.port,
        pods=given.pods,
        nodes=given.nodes,
        gpus_per_node=given.gpus_per_node,
        node=tuple(given.node),
        images=given.images,
    )
