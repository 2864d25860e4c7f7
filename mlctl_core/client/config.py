"""Where the cluster is and who we are there: kubeconfig files and the pod's service account.

Promises kubectl's order: the file that is named, else ``$KUBECONFIG`` (several files are
merged), else ``~/.kube/config`` if it exists, else the pod's service account. Files and tokens
that change on disk are followed (see `mlctl_core.client.credentials`), certificates too. Nothing
that was secret is left on disk, and no error message quotes a file's contents.

Does not promise kubectl's support for impersonation (``as``) or for ``exec`` commands given
relative to the kubeconfig file.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from mlctl_core.client import incluster
from mlctl_core.client.credentials import Credentials, RefreshedCredentials, StaticCredentials
from mlctl_core.client.errors import ConfigError
from mlctl_core.client.kubeconfig import KubeconfigSource
from mlctl_core.clock import Clock, SystemClock

__all__ = ["ClusterConfig", "load_config"]

DEFAULT_KUBECONFIG = "~/.kube/config"


def _without_slash(server: str) -> str:
    return server.rstrip("/")


@attrs.frozen
class ClusterConfig:
    """What a `mlctl_core.client.client.Client` needs to know of a cluster.

    ``ClusterConfig(server="http://127.0.0.1:8001")`` is enough for ``kubectl proxy``.
    """

    server: str = attrs.field(converter=_without_slash)
    """URL of the API server, with a path if it lies behind one."""

    credentials: Credentials = attrs.field(factory=StaticCredentials, repr=False)
    """What requests carry. None by default."""

    namespace: str = "default"
    """The namespace of the context, or of the pod."""

    server_name: str | None = None
    """The name the server's certificate must be for; None for the one in the URL."""

    proxy: str | None = attrs.field(default=None, repr=False)
    """An HTTP proxy, only if the kubeconfig names one: the environment is not asked."""


def load_config(
    kubeconfig: str | None = None, context: str | None = None, *, clock: Clock | None = None
) -> ClusterConfig:
    """Find the cluster as kubectl does. Reads files; makes no request and runs no plugin.

    Args:
        kubeconfig: a kubeconfig file, or several as in ``$KUBECONFIG``.
        context: a context of it; its current one by default.
        clock: what the expiry of credentials is measured by; the machine's by default.

    Raises:
        ConfigError: no configuration, or one that makes no sense.
    """
    clock = clock if clock is not None else SystemClock()
    paths = kubeconfig or os.environ.get("KUBECONFIG") or _default_file()
    if paths is None:
        if context is not None:
            raise ConfigError(f"context {context!r}: there is no kubeconfig file to find it in")
        return _from_service_account(clock)
    source = KubeconfigSource(paths, context)
    cluster = source.cluster()
    return ClusterConfig(
        server=cluster.server,
        credentials=RefreshedCredentials(source.access, clock),
        namespace=cluster.namespace,
        server_name=cluster.server_name,
        proxy=cluster.proxy,
    )


def _default_file() -> str | None:
    path = Path(DEFAULT_KUBECONFIG).expanduser()
    return str(path) if path.exists() else None


def _from_service_account(clock: Clock) -> ClusterConfig:
    server = incluster.server_url()
    if server is None:
        raise ConfigError(
            "no cluster configured: no kubeconfig was named, KUBECONFIG is not set, "
            f"{DEFAULT_KUBECONFIG} does not exist, and this is not a pod"
        )
    source = incluster.ServiceAccountSource()
    return ClusterConfig(
        server=server,
        credentials=RefreshedCredentials(source.access, clock),
        namespace=incluster.namespace(),
    )
