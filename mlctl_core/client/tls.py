"""TLS contexts from certificate files, made anew only when the files' contents change.

Promises that the same contents give the same context: aiohttp pools connections by it.
"""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

__all__ = ["TlsContexts"]


class TlsContexts:
    """Makes the contexts of one cluster and remembers the last one."""

    def __init__(self) -> None:
        self._fingerprint = b""
        self._context: ssl.SSLContext | None = None

    def context(
        self,
        *,
        ca_file: str | None,
        certificate_file: str | None = None,
        key_file: str | None = None,
        verify: bool = True,
    ) -> ssl.SSLContext:
        """A client's context.

        Args:
            ca_file: what the server's certificate must be signed by; None for the system's.
            certificate_file: the client's own certificate, in PEM; needs ``key_file``.
            key_file: its key; a key with a password is refused rather than asked for.
            verify: False accepts any server.

        Raises:
            OSError: a file cannot be read or does not hold what it should
                (`ssl.SSLError` is an OSError).
        """
        fingerprint = _fingerprint(ca_file, certificate_file, key_file, str(verify))
        if self._context is not None and fingerprint == self._fingerprint:
            return self._context
        context = ssl.create_default_context(cafile=ca_file)
        # Python 3.13 turned on checks of RFC 5280 that Go does not make and that the
        # certificate authorities of many clusters fail (no key usage, no key identifier).
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if certificate_file is not None:
            # Without a password of its own OpenSSL would ask for one on the terminal.
            context.load_cert_chain(certificate_file, key_file, password="")
        self._fingerprint, self._context = fingerprint, context
        return context


def _fingerprint(*parts: str | None) -> bytes:
    *paths, verify = parts
    digest = hashlib.sha256(str(verify).encode())
    for path in paths:
        digest.update(b"\0" if path is None else hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.digest()
