"""Certificates that are made at each start: an authority, and what it signs.

Keys live in memory; whoever needs a file (ssl does) gets it in a private directory that is
removed at once after loading. Elliptic curve keys, since they are made in a millisecond.
"""

from __future__ import annotations

import ipaddress
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from datetime import datetime

LIFETIME = timedelta(days=365)
"""Of every certificate; longer than any embedded server lives."""

_SKEW = timedelta(minutes=5)
"""Certificates begin this much earlier, for clients whose clock is behind."""


@attrs.frozen
class KeyPair:
    """A certificate and its key, both PEM."""

    certificate: str
    key: str = attrs.field(repr=False)


class Authority:
    """Signs certificates for servers and clients.

    Args:
        now: when certificates begin; aware.
        name: what the authority is called in them.
    """

    def __init__(self, now: datetime, name: str = "mlctl-embedded-ca") -> None:
        self._now = now
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(usage, critical=True)
        )
        self.certificate = _pem(builder.sign(self._key, hashes.SHA256()))
        """The authority's own, PEM; what clients trust."""

    def server(self, name: str, addresses: Sequence[str], hosts: Sequence[str] = ()) -> KeyPair:
        """Sign for a server that is reached by these IP addresses and host names."""
        names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
        names.extend(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses)
        alternative = x509.SubjectAlternativeName(names)
        return self._sign(name, (), ExtendedKeyUsageOID.SERVER_AUTH, alternative)

    def client(self, name: str, groups: Sequence[str] = ()) -> KeyPair:
        """Sign for a client that is the user of that name in those groups."""
        return self._sign(name, groups, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _sign(
        self,
        name: str,
        groups: Sequence[str],
        usage: x509.ObjectIdentifier,
        alternative: x509.SubjectAlternativeName | None = None,
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, name))
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            self._builder(x509.Name(attributes), key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(identifier, critical=False)
        )
        if alternative is not None:
            builder = builder.add_extension(alternative, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return KeyPair(_pem(certificate), private.decode())

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _SKEW)
            .not_valid_after(self._now + LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def load(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Let the context show this certificate."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "pair.pem"
        file.touch(mode=0o600)
        file.write_text(pair.certificate + pair.key, encoding="ascii")
        context.load_cert_chain(file)
