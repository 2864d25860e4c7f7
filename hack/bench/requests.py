"""Counts the requests that an API server is asked, by who asks, verb and resource."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.apiserver.routes import parse_path

if TYPE_CHECKING:
    from aiohttp import web

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
WRITES = frozenset({"create", "update", "patch", "delete"})


@attrs.frozen(order=True)
class Asked:
    """A sort of requests."""

    verb: str
    """As RBAC calls it; a list is a ``get`` here."""
    resource: str
    """With its subresource: ``pods``, ``tensorflowjobs/status``."""

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.verb in WRITES

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


POD_CREATION = Asked("create", "pods")


class Requests:
    """How often each program has asked for what; refused and failed requests count as well."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Asked]] = {}

    def asked(self, request: web.BaseRequest) -> None:
        """Count a request."""
        agent = request.headers.get("User-Agent", "")
        self.count(agent, request.method, request.path, watch="watch" in request.query)

    def count(self, agent: str, method: str, path: str, *, watch: bool = False) -> None:
        """Count a request by what it consists of."""
        target = parse_path(path)
        if target is None:
            resource = path
        else:
            resource = "/".join(filter(None, (target.plural, target.subresource)))
        verb = "watch" if watch else _VERBS.get(method, method.lower())
        self._counts.setdefault(agent, Counter())[Asked(verb, resource)] += 1

    def of(self, agent: str) -> Counter[Asked]:
        """What the program of that user agent has asked for so far."""
        return Counter(self._counts.get(agent, ()))
