"""Sends a sequence to one server and gives its answers in normal form."""

from __future__ import annotations

import json
import re

import attrs
from normal_form import NormalForm
from specimens import namespace_named

UNKNOWN = {"version": "1", "first": "1", "uid": "none"}
"""What stands for a reference to an object that was never seen."""
LAST = "zz-last"
"""The object whose creation ends the watches of a sequence."""


@attrs.frozen
class Answered:
    """What a server answered to one request, in normal form."""

    status: int
    body: object
    warnings: tuple


async def replay(server, namespace, specimens, requests):
    """Send the requests in a namespace of their own; then watch again what happened.

    Gives an `Answered` for each request, and after them one for each kind that was watched.
    """
    await server.made("/api/v1/namespaces", namespace_named(namespace))
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    await server.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    starts = {one.plural: await _version(server, one.path(namespace)) for one in specimens}
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
        answers.append(await _watched(server, specimen, namespace, starts, normal))
    return answers


async def _version(server, path):
    return (await server.found(path))["metadata"]["resourceVersion"]


async def _watched(server, specimen, namespace, starts, normal):
    """Every event of a kind since the sequence began."""
    events = []
    start = starts[specimen.plural]
    async with server.watch(specimen.path(namespace), resourceVersion=start) as stream:
        while True:
            event = await stream.next()
            events.append(event)
            if event is None or event["object"].get("metadata", {}).get("name") == LAST:
                break
    return Answered(200, normal.of(events), ())


def _answered(answer, normal, memory):
    try:
        body = json.loads(answer.raw)
    except ValueError:
        body = answer.raw.decode()
    else:
        memory.learn(body)
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
        if "uid" in metadata and "resourceVersion" in metadata and "kind" in body:
            target = f"{body['kind'].lower()}s/{metadata['name']}"
            self._known[f"version:{target}"] = metadata["resourceVersion"]
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
