"""The service account of the pod that we run in, through kubernetes-asyncio's loader."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

from mlctl_core.client.credentials import Access
from mlctl_core.client.errors import ConfigError
from mlctl_core.client.loader import config_module
from mlctl_core.client.tls import TlsContexts

__all__ = ["SERVICE_ACCOUNT", "ServiceAccountSource", "namespace", "server_url"]

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a kubelet mounts the token, the CA and the namespace."""


def server_url() -> str | None:
    """The API server's URL, or None when this process does not run in a pod."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    port = os.environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        return None
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def namespace() -> str:
    """The pod's namespace; ``default`` where it is not mounted."""
    try:
        return (SERVICE_ACCOUNT / "namespace").read_text().strip() or "default"
    except OSError:
        return "default"


class ServiceAccountSource:
    """Reads the mounted token and CA; the kubelet replaces both from time to time."""

    def __init__(self) -> None:
        self._contexts = TlsContexts()

    async def access(self) -> Access:
        """Read both.

        Raises:
            ConfigError: a file is missing or empty.
        """
        module = config_module("incluster_config")
        settings = SimpleNamespace(host="", ssl_ca_cert=None, api_key={})
        try:
            module.load_incluster_config(
                settings,
                try_refresh_token=False,
                token_filename=str(SERVICE_ACCOUNT / "token"),
                cert_filename=str(SERVICE_ACCOUNT / "ca.crt"),
            )
            tls = self._contexts.context(ca_file=settings.ssl_ca_cert)
        except module.ConfigException as error:
            raise ConfigError(f"service account in {SERVICE_ACCOUNT}: {error}") from None
        except OSError as error:
            raise ConfigError(f"service account in {SERVICE_ACCOUNT}: {error.strerror}") from error
        return Access(authorization=settings.api_key["BearerToken"].strip(), tls=tls)
