"""Writes a kubeconfig that stands on its own: certificates and keys are data inside it."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import attrs
import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from mlctl_core.objects.json import Json

_NAME = "mlctl-embedded"
_PRIVATE = 0o600
"""The file holds an administrator's key."""


@attrs.frozen
class Credentials:
    """What a client needs to reach a server and to be known there; PEM texts."""

    url: str
    authority: str = ""
    certificate: str = ""
    key: str = attrs.field(default="", repr=False)
    token: str = attrs.field(default="", repr=False)


def make_kubeconfig(credentials: Credentials) -> Json:
    """Make a kubeconfig with one context.

    A client certificate goes before a token: that is what kubectl uses against real clusters.
    """
    cluster: Json = {"server": credentials.url}
    if credentials.authority:
        cluster["certificate-authority-data"] = _data(credentials.authority)
    user: Json = {"token": credentials.token}
    if credentials.certificate:
        user = {
            "client-certificate-data": _data(credentials.certificate),
            "client-key-data": _data(credentials.key),
        }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _NAME, "cluster": cluster}],
        "users": [{"name": _NAME, "user": user}],
        "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME}}],
        "current-context": _NAME,
    }


def write_kubeconfig(path: Path, kubeconfig: Json) -> None:
    """Write a kubeconfig that only its owner can read; there is never half of one.

    Raises:
        OSError: the file cannot be written.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yaml.safe_dump(kubeconfig, file, sort_keys=False)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
