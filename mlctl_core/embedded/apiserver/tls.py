"""TLS of the API server: towards its clients, and towards the nodes whose logs it passes on."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from mlctl_core.embedded.certificates import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl_core.embedded.certificates import Authority

SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


def server_context(authority: Authority, addresses: Sequence[str]) -> ssl.SSLContext:
    """Make the context of a server that asks for client certificates and can do without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(context, authority.server("kube-apiserver", addresses, SERVER_NAMES))
    context.load_verify_locations(cadata=authority.certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def kubelet_context(authority: Authority) -> ssl.SSLContext:
    """Make the context by which the server speaks to nodes.

    A kubelet's certificate is its own and is not checked, as kube-apiserver does not check it
    unless it is told an authority; the server shows who it is.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    load(context, authority.client("kube-apiserver-kubelet-client", ("system:masters",)))
    return context
