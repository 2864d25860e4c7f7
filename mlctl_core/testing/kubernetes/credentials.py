"""Who is who on a test control plane: one authority, and a kubeconfig for anybody."""

from __future__ import annotations

import itertools
import ssl
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mlctl_core.embedded.apiserver.tls import SERVER_NAMES
from mlctl_core.embedded.certificates import Authority, KeyPair
from mlctl_core.embedded.kubeconfig import Credentials, make_kubeconfig, write_kubeconfig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = ["ADMINISTRATORS", "CredentialFiles"]

ADMINISTRATORS = "system:masters"
"""The group whose members may do anything; RBAC is not asked."""
_SERVER_ADDRESSES = ("127.0.0.1", "10.0.0.1")
"""Of the API server: the loopback, and the first address of the services' range."""


class CredentialFiles:
    """Certificates, keys and kubeconfig files in a private directory."""

    def __init__(self, directory: Path, now: datetime) -> None:
        directory.mkdir(mode=0o700)
        self._directory = directory
        self._authority = Authority(now)
        self._numbers = itertools.count(1)
        self.authority = self._write("ca.crt", self._authority.certificate)
        server = self._authority.server("kube-apiserver", _SERVER_ADDRESSES, SERVER_NAMES)
        self.server_certificate, self.server_key = self._pair("server", server)
        self.kubelet_certificate, self.kubelet_key = self._pair(
            "kubelet-client",
            self._authority.client("kube-apiserver-kubelet-client", (ADMINISTRATORS,)),
        )
        self.token_key, self.token_public_key = self._token_keys()

    def user(self, url: str, name: str, groups: Sequence[str]) -> Path:
        """Write a kubeconfig with a client certificate."""
        pair = self._authority.client(name, groups)
        return self._kubeconfig(
            Credentials(url, self._authority.certificate, pair.certificate, pair.key)
        )

    def bearer(self, url: str, token: str) -> Path:
        """Write a kubeconfig with a token."""
        return self._kubeconfig(Credentials(url, self._authority.certificate, token=token))

    def administrator(self) -> ssl.SSLContext:
        """Make the context of a connection that may do anything."""
        pair = self._authority.client("kubernetes-admin", (ADMINISTRATORS,))
        context = ssl.create_default_context(cadata=self._authority.certificate)
        context.load_cert_chain(*self._pair("admin", pair))
        return context

    def _kubeconfig(self, credentials: Credentials) -> Path:
        path = self._directory / f"{next(self._numbers)}.kubeconfig"
        write_kubeconfig(path, make_kubeconfig(credentials))
        return path

    def _token_keys(self) -> tuple[Path, Path]:
        """Make the keys by which ServiceAccount tokens are signed and checked."""
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return (
            self._write("tokens.key", private.decode()),
            self._write("tokens.pub", public.decode()),
        )

    def _pair(self, name: str, pair: KeyPair) -> tuple[Path, Path]:
        return (
            self._write(f"{name}.crt", pair.certificate),
            self._write(f"{name}.key", pair.key),
        )

    def _write(self, name: str, text: str) -> Path:
        path = self._directory / name
        path.write_text(text, encoding="ascii")
        return path
