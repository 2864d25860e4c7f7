"""Speaks HTTP to a server under test: bytes and JSON, no client library in between."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions

if TYPE_CHECKING:
    import aiohttp

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict
    text: str
    warnings: list = field(default_factory=list)

    @property
    def body(self):
        return json.loads(self.text)

    @property
    def version(self):
        return self.body["metadata"]["resourceVersion"]

    @property
    def reason(self):
        return self.body.get("reason", "")

    @property
    def message(self):
        return self.body.get("message", "")

    @property
    def names(self):
        return [item["metadata"]["name"] for item in self.body["items"]]


class Api:
    """Requests to one server."""

    def __init__(self, server: ApiServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session

    async def call(self, method, path, body=None, *, kind="application/json", accept="", **query):
        headers = {"Content-Type": kind, "User-Agent": "tester/1"}
        if accept:
            headers["Accept"] = accept
        data = body if isinstance(body, bytes | str | None) else json.dumps(body)
        if data is not None:
            data = io.BytesIO(data if isinstance(data, bytes) else data.encode())
        async with self.session.request(
            method, path, data=data, headers=headers, params=query
        ) as response:
            text = await response.text()
            warnings = response.headers.getall("Warning", [])
            return Answer(response.status, dict(response.headers), text, warnings)

    async def get(self, path, **more):
        return await self.call("GET", path, **more)

    async def post(self, path, body, **more):
        return await self.call("POST", path, body, **more)

    async def put(self, path, body, **more):
        return await self.call("PUT", path, body, **more)

    async def patch(self, path, body, kind=MERGE, **more):
        return await self.call("PATCH", path, body, kind=kind, **more)

    async def delete(self, path, body=None, **more):
        return await self.call("DELETE", path, body, **more)

    async def made(self, path, body, **more):
        """Create an object that must be created."""
        answer = await self.post(path, body, **more)
        assert answer.status == 201, answer.text
        return answer.body

    def watch(self, path, **query):
        """Watch a collection: an async context manager that gives a `Stream`."""
        return Stream(self, path, {"watch": "1", **query})

    async def gone(self, path):
        """Wait until there is no object at the path: watched for, not polled for."""
        collection, _, name = path.rpartition("/")
        selector = f"metadata.name={name}"
        listed = await self.get(collection, fieldSelector=selector)
        if not listed.body["items"]:
            return
        async with self.watch(
            collection, fieldSelector=selector, resourceVersion=listed.version
        ) as stream:
            while (await stream.next())["type"] != "DELETED":
                pass

    async def until(self, path, met):
        """Wait until the object at the path is as `met` says; gives it."""
        collection, _, name = path.rpartition("/")
        async with self.watch(collection, fieldSelector=f"metadata.name={name}") as stream:
            while True:
                event = await stream.next()
                if event["type"] != "DELETED" and met(event["object"]):
                    return event["object"]


class Stream:
    """A watch under way."""

    def __init__(self, api, path, query, accept=""):
        self._request = api.session.get(path, params=query, headers={"Accept": accept or "*/*"})

    async def __aenter__(self):
        self.response = await self._request.__aenter__()
        return self

    async def __aexit__(self, *error):
        self.response.close()

    async def next(self):
        """Give the next event; None at the end."""
        line = await self.response.content.readline()
        return json.loads(line) if line else None

    async def take(self, count):
        """Give the next events as (type, name) pairs."""
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name")) for event in events]


def config_map(name, data=None, **metadata):
    return {"metadata": {"name": name, **metadata}, "data": data or {}}


def pod(name, **more):
    spec = {"containers": [{"name": "main", "image": "busybox"}], **more.pop("spec", {})}
    return {"metadata": {"name": name, **more}, "spec": spec}


def definition(kind="Foo", plural="foos", *, group="test.io", scope="Namespaced", versions=None):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "shortNames": [plural[:2]]},
            "versions": versions or [version()],
        },
    }


SPEC = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "default": 3, "maximum": 100},
        "s": {"type": "string"},
    },
}


def version(name="v1", *, storage=True, spec=None, **more):
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    properties = {"spec": spec or SPEC, "status": status}
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
        **more,
    }


FOOS = "/apis/test.io/v1/namespaces/default/foos"


def foo(name, spec=None, **metadata):
    return {
        "apiVersion": "test.io/v1",
        "kind": "Foo",
        "metadata": {"name": name, **metadata},
        "spec": {} if spec is None else spec,
    }


def options(**more):
    return ApiServerOptions(tls=False, **more)
