"""The options of a manager process, and how the command line gives them.

The flags have kubebuilder's names. One that does nothing in the given combination is refused
with exit code 2 rather than ignored.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NoReturn

import attrs

from mlctl_core.telemetry.log import LEVELS

DEFAULT_NAMESPACE = "mlctl-system"
"""Where the Lease lives when the process does not run in a pod."""
# Kubernetes puts the pod's own namespace here, next to the service account's token.
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

MAX_PORT = 65_535
# Absent, or labels of letters, digits and dashes with dots between them.
_DOMAIN = re.compile(r"|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
MAX_CONCURRENCY = 1_000


@attrs.frozen
class BindAddress:
    """Where a server listens."""

    host: str
    """Empty for all interfaces."""
    port: int
    """0 takes a free one; which, is logged."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@attrs.frozen(kw_only=True)
class ManagerOptions:
    """How a manager runs; the defaults are those of the command line."""

    kubeconfig: str | None = None
    """A kubeconfig file; None looks at KUBECONFIG, ~/.kube/config, and the pod's own account."""
    namespaces: tuple[str, ...] = ()
    """Namespaces whose objects are looked at; empty is all."""
    metrics_address: BindAddress | None = BindAddress("", 8080)
    """Serves /metrics; None serves none."""
    metrics_secure: bool = False
    """Serve /metrics over TLS, to those alone whom the API server knows by their token and who
    may ``get`` the path /metrics there."""
    metrics_cert_path: str | None = None
    """Folder with tls.crt and tls.key, followed when they change; None makes a certificate that
    nobody can check."""
    health_address: BindAddress | None = BindAddress("", 8081)
    """Serves /healthz and /readyz; None serves none."""
    leader_elect: bool = False
    """Whether to work only while holding the Lease, so that a second replica may stand by."""
    lease_name: str = "mlctl"
    lease_namespace: str = DEFAULT_NAMESPACE
    concurrency: Mapping[str, int] = attrs.field(factory=dict)
    """Reconciles at once, by the planned kind's name; what is absent has its default."""
    cluster_domain: str = ""
    """The DNS domain of the cluster, which controllers append to names of Services; empty leaves
    it to the search domains of pods."""
    log_format: Literal["json", "console"] = "json"
    log_level: str = "info"
    dry_run: bool = False
    """Print plans on standard output and write nothing, events and the Lease included."""


def own_namespace() -> str:
    """The namespace of the pod that this process runs in, else `DEFAULT_NAMESPACE`."""
    try:
        return _POD_NAMESPACE.read_text().strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


def parse_args(
    argv: Sequence[str] | None = None,
    prog: str | None = None,
    flags: argparse.ArgumentParser | None = None,
) -> ManagerOptions:
    """Options from a command line; ``sys.argv`` when none is given.

    Args:
        argv: The words.
        prog: What the program is called; by default as it was started.
        flags: A parser (without help) of flags that the program reads by itself: they are checked
            and shown by ``--help`` like the others.

    Raises:
        SystemExit: with 2 for bad usage, with 0 for ``--help``.
    """
    parser = _parser(prog, flags)
    args = parser.parse_args(argv)
    lease_flags = args.leader_elect_lease_name or args.leader_elect_namespace
    if lease_flags and not args.leader_elect:
        parser.error("--leader-elect-lease-name and --leader-elect-namespace need --leader-elect")
    if args.metrics_secure and args.metrics_bind_address is None:
        parser.error("--metrics-secure: --metrics-bind-address 0 serves no metrics")
    if args.metrics_cert_path and not args.metrics_secure:
        parser.error("--metrics-cert-path needs --metrics-secure")
    if args.dry_run and args.leader_elect:
        parser.error("--dry-run writes nothing, not even a Lease: leave --leader-elect out")
    metrics, health = args.metrics_bind_address, args.health_probe_bind_address
    if metrics is not None and health is not None and metrics.port and metrics.port == health.port:
        parser.error(f"--metrics-bind-address and --health-probe-bind-address share :{health.port}")
    concurrency: dict[str, int] = {}
    for kind, workers in args.concurrency:
        if concurrency.setdefault(kind, workers) != workers:
            parser.error(f"--concurrency names {kind} twice")
    defaults = ManagerOptions()
    return ManagerOptions(
        kubeconfig=args.kubeconfig,
        namespaces=tuple(dict.fromkeys(args.namespaces)),
        metrics_address=metrics,
        metrics_secure=args.metrics_secure,
        metrics_cert_path=args.metrics_cert_path,
        health_address=health,
        leader_elect=args.leader_elect,
        lease_name=args.leader_elect_lease_name or defaults.lease_name,
        lease_namespace=args.leader_elect_namespace or own_namespace(),
        concurrency=concurrency,
        cluster_domain=args.cluster_domain,
        log_format=args.log_format,
        log_level=args.log_level,
        dry_run=args.dry_run,
    )


def usage_error(message: str) -> NoReturn:
    """End the process as for a bad flag, for what shows only when the controllers are known."""
    _parser(None).error(message)


def _parser(
    prog: str | None, flags: argparse.ArgumentParser | None = None
) -> argparse.ArgumentParser:
    defaults = ManagerOptions()
    parents = [flags] if flags is not None else []
    parser = argparse.ArgumentParser(prog=prog, parents=parents, allow_abbrev=False)
    add = parser.add_argument
    add("--kubeconfig", metavar="FILE", help="default: KUBECONFIG, ~/.kube/config, the pod's own")
    add(
        "--namespaces",
        metavar="NAME,…",
        type=_names,
        default=(),
        help="look at these namespaces only; default: all",
    )
    add(
        "--metrics-bind-address",
        metavar="[HOST]:PORT",
        type=_bind_address,
        default=str(defaults.metrics_address),
        help="serves /metrics; 0 for none (default %(default)s)",
    )
    add(
        "--metrics-secure",
        action="store_true",
        help="serve /metrics over TLS, to whom the API server lets get that path",
    )
    add(
        "--metrics-cert-path",
        metavar="FOLDER",
        help="holds tls.crt and tls.key; default: a self-made certificate",
    )
    add(
        "--health-probe-bind-address",
        metavar="[HOST]:PORT",
        type=_bind_address,
        default=str(defaults.health_address),
        help="serves /healthz and /readyz; 0 for none (default %(default)s)",
    )
    add("--leader-elect", action="store_true", help="work only while holding a Lease")
    add("--leader-elect-lease-name", metavar="NAME", help=f"default: {defaults.lease_name}")
    add(
        "--leader-elect-namespace",
        metavar="NAMESPACE",
        help=f"default: the pod's own, else {DEFAULT_NAMESPACE}",
    )
    add(
        "--concurrency",
        metavar="KIND=N",
        type=_concurrency,
        action="append",
        default=[],
        help="reconciles of a kind at once; may be given once per kind",
    )
    add(
        "--cluster-domain",
        metavar="DOMAIN",
        type=_domain,
        default=defaults.cluster_domain,
        help="appended to names of Services, such as cluster.local; default: none",
    )
    add("--log-format", choices=("json", "console"), default=defaults.log_format)
    add("--log-level", choices=LEVELS, default=defaults.log_level)
    add("--dry-run", action="store_true", help="print plans, write nothing")
    return parser


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names")
    return names


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no DNS domain")
    return text


def _bind_address(text: str) -> BindAddress | None:
    if text == "0":
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is neither [HOST]:PORT nor 0")
    return BindAddress(host.removeprefix("[").removesuffix("]"), int(port))


def _concurrency(text: str) -> tuple[str, int]:
    kind, equals, workers = text.partition("=")
    if not (kind and equals and workers.isdecimal() and 1 <= int(workers) <= MAX_CONCURRENCY):
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=N, N from 1 to {MAX_CONCURRENCY}")
    return kind, int(workers)
