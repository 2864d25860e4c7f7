"""When a credential ends, where it says so itself: X.509 certificates and JSON web tokens.

Reads two times out of them and verifies nothing: whether a credential is any good is for those
to say to whom it is shown. Whatever is not understood has no end here.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_JWT_PARTS = 3
_MAX_JWT = 16 * 1024
"""Longer than any token that fits into a request's header."""

# X.690: the tags that matter on the way to a certificate's validity (RFC 5280, 4.1).
_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
_BEFORE_VALIDITY = 3
"""serialNumber, signature, issuer."""
_LONG_FORM = 0x80
_FIRST_UTC_YEAR = 1950


def ends(content: bytes) -> datetime | None:
    """When the first certificate in PEM text, or a token, ends; None for anything else."""
    try:
        if _BEGIN in content:
            return _certificate_ends(content)
        if len(content) <= _MAX_JWT and content.count(b".") == _JWT_PARTS - 1:
            return _token_ends(content.strip())
    except (ValueError, IndexError, OverflowError, OSError):
        pass
    return None


def _certificate_ends(content: bytes) -> datetime | None:
    body = content.partition(_BEGIN)[2].partition(_END)[0]
    der = base64.b64decode(b"".join(body.split()), validate=True)
    tag, certificate, _ = _element(der)
    tag, fields, _ = _element(certificate)
    if tag != _SEQUENCE:
        return None
    if fields[0] == _VERSION:
        fields = _element(fields)[2]
    for _ in range(_BEFORE_VALIDITY):
        fields = _element(fields)[2]
    tag, validity, _ = _element(fields)
    if tag != _SEQUENCE:
        return None
    tag, text, _ = _element(_element(validity)[2])
    return _time(tag, text.decode("ascii"))


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what follows it."""
    tag, length, at = der[0], der[1], 2
    if length & _LONG_FORM:
        size = length & ~_LONG_FORM
        length, at = int.from_bytes(der[2 : 2 + size]), 2 + size
    if at + length > len(der):
        raise ValueError("cut off")
    return tag, der[at : at + length], der[at + length :]


def _time(tag: int, text: str) -> datetime | None:
    if tag == _GENERALIZED_TIME:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    if tag != _UTC_TIME:
        return None
    year = int(text[:2])
    century = "19" if year >= _FIRST_UTC_YEAR % 100 else "20"
    return datetime.strptime(century + text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _token_ends(content: bytes) -> datetime | None:
    payload = content.split(b".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    except (binascii.Error, RecursionError):
        return None
    expires = claims.get("exp") if isinstance(claims, dict) else None
    if isinstance(expires, bool) or not isinstance(expires, int | float):
        return None
    return datetime.fromtimestamp(expires, UTC)
