"""The certificate of an endpoint that serves TLS: from files, which are followed, or self-made.

Promises that a certificate renewed on disk is served within `FOLLOW_SECONDS`, without cutting
a connection, and that files which make no sense leave the last good ones in use. A self-made
certificate keeps the talk from being read on the way and proves nothing about who serves.
"""

from __future__ import annotations

import hashlib
import importlib.util
import ssl
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from mlctl_core.clock import Clock

# The names in a Secret of type kubernetes.io/tls, which is what gets mounted.
CERTIFICATE = "tls.crt"
KEY = "tls.key"
# A kubelet takes about a minute to bring a changed Secret; certificates are renewed days ahead.
FOLLOW_SECONDS = 60.0
# Nobody can check a self-made certificate, so its end serves nothing; a process that runs for
# longer than this is not a process of ours.
_SELF_MADE_LIFETIME = timedelta(days=3650)
# Begins earlier, for clients whose clock is behind.
_SKEW = timedelta(hours=1)

_log = structlog.get_logger()


class CertificateError(Exception):
    """The certificate to serve with cannot be read; the message names the file."""


def can_be_self_made() -> bool:
    """Whether the package that makes certificates is installed; nothing else needs it."""
    return importlib.util.find_spec("cryptography") is not None


class ServingCertificate:
    """What a server's TLS context is made of, and remade.

    Args:
        folder: With `CERTIFICATE` and `KEY`; None makes a certificate of its own.
        clock: Time.

    Raises:
        CertificateError: the files are not what they should be.
    """

    def __init__(self, folder: Path | None, *, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._served = b""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        """The same one for ever; what it serves changes."""
        if folder is None:
            _serve_self_made(self.context, clock)
        else:
            self._load(folder)

    async def follow(self) -> None:
        """Serve what is in the files as they change, until cancelled."""
        while self._folder is not None:
            await self._clock.sleep(FOLLOW_SECONDS)
            try:
                self._load(self._folder)
            except CertificateError as error:
                _log.warning("certificate not renewed", error=str(error))

    def _load(self, folder: Path) -> None:
        certificate, key = folder / CERTIFICATE, folder / KEY
        try:
            found = hashlib.sha256(certificate.read_bytes() + b"\0" + key.read_bytes()).digest()
            if found == self._served:
                return
            # A pair that does not fit would leave a context without a key.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
            self.context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError as error:
            raise CertificateError(
                f"{certificate} and {key} are no certificate with its key: {error.reason}"
            ) from error
        except OSError as error:
            raise CertificateError(f"{error.filename}: {error.strerror}") from error
        self._served = found


def _serve_self_made(context: ssl.SSLContext, clock: Clock) -> None:
    # Only here, so that a manager that does not serve TLS by itself can do without the package.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - _SKEW)
        .not_valid_after(clock.now() + _SELF_MADE_LIFETIME)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pair = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # ssl reads files only; this one is readable by nobody else and gone at once.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pair.pem"
        file.touch(mode=0o600)
        file.write_bytes(pair)
        context.load_cert_chain(file)
