"""Serves `/openapi/v3`: the index, and a document per group version; `/openapi/v2` is empty.

kubectl asks for version 2 only about kinds that version 3 does not know, and an empty document
tells it what it wants to know: that they do not exist.

A document is made when it is first asked for and kept by the hash in its address, so that a
definition that changes makes one document anew and not all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from mlctl_core.embedded.apiserver.exchange import json_response
from mlctl_core.embedded.apiserver.openapi import (
    document_hash,
    openapi_path,
    openapi_v3,
    openapi_v3_index,
)
from mlctl_core.embedded.apiserver.records import encode

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.resources import Registry
    from mlctl_core.objects.json import Json

PREFIX = "/openapi/v3"
V2_PATH = "/openapi/v2"
_V2: Json = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.37"}, "paths": {}}
_V2_PROTOBUF_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_V2_PROTOBUF = b"\x0a\x032.0"
"""The same as a message: field 1, the version of the specification."""


def answer_v2(accept: str) -> web.Response:
    """Answer a request for the document of version 2."""
    if "+protobuf" in accept:
        headers = {"Content-Type": _V2_PROTOBUF_TYPE}
        return web.Response(body=_V2_PROTOBUF, headers=headers)
    return json_response(encode(_V2))


class ApiDocuments:
    """The OpenAPI documents of one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._hashes: dict[str, str] = {}
        """By path below the prefix."""
        self._kept: dict[str, tuple[str, bytes]] = {}
        """Documents by path, each with the hash it was made for."""
        self._generation = -1

    def answer(self, path: str, asked_hash: str) -> web.Response | None:
        """Answer a request below `/openapi/v3`; None when there is no such document."""
        self._renew()
        name = path.removeprefix(PREFIX).strip("/")
        if not name:
            return json_response(encode(openapi_v3_index(self._hashes)))
        current = self._hashes.get(name)
        if current is None:
            return None
        if asked_hash and asked_hash != current:
            # As upstream: a client with an old index is led to what there is now.
            location = f"{PREFIX}/{name}?hash={current}"
            return web.Response(status=301, headers={"Location": location})
        return json_response(self._document(name, current))

    def _document(self, name: str, current: str) -> bytes:
        known, document = self._kept.get(name, ("", b""))
        if known != current:
            parts = name.split("/")
            group = parts[1] if len(parts) > 2 else ""  # noqa: PLR2004 (apis/GROUP/VERSION)
            resources = self._registry.in_version(group, parts[-1])
            document = encode(openapi_v3(resources))
            self._kept[name] = (current, document)
        return document

    def _renew(self) -> None:
        if self._generation == self._registry.generation:
            return
        self._generation = self._registry.generation
        self._hashes = {
            openapi_path(group, version): document_hash(self._registry.in_version(group, version))
            for group, versions in self._registry.groups().items()
            for version in versions
        }
        self._kept = {name: kept for name, kept in self._kept.items() if name in self._hashes}
