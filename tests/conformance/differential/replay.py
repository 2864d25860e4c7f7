"""Sends a sequence to one server and gives its answers in normal form."""

from __future__ import annotations

import json
import re

import attrs
from normal_form import SENT, NormalForm
from observation import LAST
from specimens import namespace_named

UNKNOWN = {"version": "1", "seen": "", "first": "1", "uid": "none"}
"""What stands for a reference to an object that was never seen."""


_NOT_FOUND = 404


@attrs.frozen
class Answered:
    """What a server answered to one request, in normal form."""

    status: int
    body: object
    warnings: tuple


async def replay(server, observed, namespace, specimens, requests):
    """Send the requests in a namespace of their own; then say what a watch has told of it.

    Gives an `Answered` for each request, and after them one for each kind, of all its events.
    """
    await server.made("/api/v1/namespaces", namespace_named(namespace))
    account = {"metadata": {"name": "default", "labels": {"tier": "own"}}}
    await server.made(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    memory = _Memory()
    normal = NormalForm(namespace)
    answers = []
    for request in requests:
        query = {key: memory.fill(value, namespace) for key, value in request.query.items()}
        answer = await server.call(
            request.method,
            request.path.format(ns=namespace),
            memory.fill(request.body, namespace),
            kind=request.kind,
            accept=request.accept,
            **query,
        )
        answers.append(_answered(answer, normal, memory))
    for specimen in specimens:
        await server.made(specimen.path(namespace), specimen.made(LAST))
        events = await observed.of(specimen.plural, namespace)
        answers.append(Answered(200, normal.of(events), ()))
    return answers


def _answered(answer, normal, memory):
    try:
        body = json.loads(answer.raw)
    except ValueError:
        body = answer.raw.decode()
    else:
        memory.learn(body)
    if answer.status == _NOT_FOUND:
        # Upstream patches what its cache still has of it, and warns, before it finds out.
        return Answered(answer.status, normal.of(body), ())
    warnings = tuple(sorted(re.sub(r"^299 - ", "", warning) for warning in answer.warnings))
    return Answered(answer.status, normal.of(body), normal.of(list(warnings)))


class _Memory:
    """What references stand for, from the answers so far."""

    def __init__(self):
        self._known = {}
        self._next = ""

    def learn(self, body):
        if not isinstance(body, dict):
            return
        metadata = body.get("metadata")
        if not isinstance(metadata, dict):
            return
        if "continue" in metadata:
            self._next = metadata["continue"]
        made_up = metadata.get("resourceVersion", "") in SENT
        if "uid" in metadata and "kind" in body and not made_up:
            target = f"{body['kind'].lower()}s/{metadata['name']}"
            self._known[f"version:{target}"] = metadata["resourceVersion"]
            self._known[f"seen:{target}"] = metadata["resourceVersion"]
            self._known.setdefault(f"first:{target}", metadata["resourceVersion"])
            self._known[f"uid:{target}"] = metadata["uid"]

    def fill(self, value, namespace):
        """The value with its references replaced."""
        if isinstance(value, dict):
            return {key: self.fill(one, namespace) for key, one in value.items()}
        if isinstance(value, list):
            return [self.fill(one, namespace) for one in value]
        if isinstance(value, str):
            if value == "$continue":
                return self._next
            if value.startswith("$"):
                what = value[1:].partition(":")[0]
                return self._known.get(value[1:], UNKNOWN[what])
            return value.replace("{ns}", namespace)
        return value
