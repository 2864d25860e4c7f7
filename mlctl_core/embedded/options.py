"""The command line of the embedded control plane."""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs

from mlctl_core.embedded.node.spec import NodeSpec, node_specs


@attrs.frozen
class EmbeddedOptions:
    """What to run."""

    kubeconfig_out: Path | None = None
    """Where an administrator's kubeconfig is written, readable by its owner only."""
    port: int = 0
    """Where the API is served on 127.0.0.1; 0 takes a free port."""
    node_specs: tuple[NodeSpec, ...] = ()
    """The nodes; without any there is no scheduler either."""
    images: Path | None = None
    """YAML: image names and the local environments that stand for them."""


def parse_arguments(arguments: list[str] | None = None) -> EmbeddedOptions:
    """Read the command line; the process ends with 2 when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m mlctl_core.embedded",
        description="A Kubernetes control plane with its state in memory, for laptops and tests.",
    )
    parser.add_argument("--kubeconfig-out", type=Path, metavar="FILE")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--pods", choices=["process", "simulated", "none"], default="process")
    parser.add_argument("--nodes", type=int, metavar="N", help="alike; 1 unless --node is given")
    parser.add_argument("--gpus-per-node", type=int, default=0, metavar="M")
    parser.add_argument(
        "--node",
        action="append",
        default=[],
        metavar="name=…,pods=…,cpu=…,gpus=…",
        help="one more node; may be given several times",
    )
    parser.add_argument("--images", type=Path, metavar="FILE", help="image names to environments")
    given = parser.parse_args(arguments)
    _check_folder(parser, given.kubeconfig_out)
    try:
        specs = node_specs(
            pods=given.pods,
            nodes=given.nodes,
            gpus_per_node=given.gpus_per_node,
            described=given.node,
        )
    except ValueError as error:
        parser.error(str(error))
    return EmbeddedOptions(
        kubeconfig_out=given.kubeconfig_out,
        port=given.port,
        node_specs=tuple(specs),
        images=given.images,
    )


def _check_folder(parser: argparse.ArgumentParser, file: Path | None) -> None:
    """Say at once what would be found out only when the server runs."""
    if file is None:
        return
    if file.is_dir():
        parser.error(f"--kubeconfig-out: {file} is a folder: name a file in it")
    if not file.parent.is_dir():
        parser.error(f"--kubeconfig-out: there is no folder {file.parent}: make it first")
