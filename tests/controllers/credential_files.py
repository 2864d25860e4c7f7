"""Writes keytab files, as ktutil does, and tokens."""

from __future__ import annotations

import base64
import json
import struct


def _text(value):
    encoded = value.encode()
    return struct.pack(">H", len(encoded)) + encoded


def entry(principal, key=b"0" * 32, kvno=1):
    name, _, realm = principal.partition("@")
    components = name.split("/")
    body = struct.pack(">H", len(components)) + _text(realm)
    body += b"".join(map(_text, components))
    body += struct.pack(">IIB", 1, 1_700_000_000, kvno & 0xFF)
    body += struct.pack(">HH", 18, len(key)) + key + struct.pack(">I", kvno)
    return struct.pack(">i", len(body)) + body


def hole(size):
    return struct.pack(">i", -size) + b"\0" * size


def keytab(*principals):
    return b"\x05\x02" + b"".join(map(entry, principals))


def token(claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    return b".".join((part({"alg": "none"}), part(claims), b"c2ln"))
