"""A serving certificate for the log endpoint: made anew at each start, for nobody to check.

As a kubelet without ``serverTLSBootstrap`` does; an API server does not verify it unless it is
told to (``--kubelet-certificate-authority``).
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from mlctl_core.embedded.certificates import Authority, load

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["serving_context"]


def serving_context(address: str, now: datetime) -> ssl.SSLContext:
    """A TLS server context for an IP address."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # The authority signs this one certificate and is forgotten.
    load(context, Authority(now, "mlctl-node-ca").server("mlctl-node", [address]))
    return context
