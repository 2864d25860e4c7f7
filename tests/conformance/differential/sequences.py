"""Sequences of requests by seed, that say the same to every server.

What only a server knows stands in a request as a reference that the replay fills in from the
answers so far: ``$version:secrets/a`` is the last seen resourceVersion of that object,
``$seen:`` too, but nothing for one never seen, ``$first:`` the first seen one, ``$uid:`` its
uid, ``$continue`` the last continue token.
"""

from __future__ import annotations

import copy
import random

import attrs
from raw_client import APPLY, JSON, JSON_PATCH, MERGE, PARTIAL, STRATEGIC, TABLE
from vocabulary import NAMES, SPECIMENS

LENGTH = (20, 24)
"""Requests of a sequence, least and most, with the two that create an object of each kind."""
MANAGERS = ("m1", "m2")


@attrs.frozen
class Request:
    """One request; `path` holds ``{ns}`` where the namespace goes."""

    method: str
    path: str
    body: object = None
    kind: str = JSON
    accept: str = ""
    query: dict = attrs.field(factory=dict)

    def __str__(self):
        query = "&".join(f"{key}={value}" for key, value in self.query.items())
        return f"{self.method} {self.path}{'?' if query else ''}{query} [{self.kind}] {self.body}"


def sequence(seed):
    """The kinds and the requests of one sequence."""
    rng = random.Random(seed)
    specimens = rng.sample(list(SPECIMENS.values()), 2)
    if rng.random() < 0.4 and SPECIMENS["widgets"] not in specimens:
        specimens[0] = SPECIMENS["widgets"]
    writer = _Writer(rng)
    requests = [writer.create(specimen, NAMES[0]) for specimen in specimens]
    for _ in range(rng.randint(*LENGTH) - len(requests)):
        make = rng.choices(_VERBS, _WEIGHTS)[0]
        requests.append(make(writer, rng.choice(specimens), rng.choice(NAMES)))
    return specimens, requests


class _Writer:
    """Draws requests."""

    def __init__(self, rng):
        self.rng = rng
        self.prefixes = 0

    def create(self, specimen, name):
        body = self._edited(specimen, specimen.made(name), specimen.all_edits, most=2)
        if self.rng.random() < 0.1:
            body["metadata"] = {**body["metadata"], "generateName": self._prefix()}
            if self.rng.random() < 0.5:
                del body["metadata"]["name"]
        return self._write("POST", specimen.path("{ns}"), body)

    def update(self, specimen, name):
        body = self._edited(specimen, specimen.made(name), specimen.all_edits, most=3)
        self._stamp(body, specimen, name)
        return self._write("PUT", specimen.path("{ns}", name), body)

    def update_status(self, specimen, name):
        if not specimen.status_edits:
            return self.get(specimen, name)
        body = self._edited(specimen, specimen.made(name), specimen.status_edits, most=3)
        self._stamp(body, specimen, name)
        return self._write("PUT", specimen.path("{ns}", name, "status"), body)

    def merge(self, specimen, name):
        patch = self._edited(specimen, {}, specimen.all_edits, most=3, keep_none=True)
        return self._write("PATCH", specimen.path("{ns}", name), patch, MERGE)

    def strategic(self, specimen, name):
        patch = self._edited(specimen, {}, specimen.all_edits, most=3, keep_none=True)
        return self._write("PATCH", specimen.path("{ns}", name), patch, STRATEGIC)

    def merge_status(self, specimen, name):
        if not specimen.status_edits:
            return self.list(specimen, name)
        patch = self._edited(specimen, {}, specimen.status_edits, most=2, keep_none=True)
        return self._write("PATCH", specimen.path("{ns}", name, "status"), patch, MERGE)

    def json_patch(self, specimen, name):
        operations = []
        for _ in range(self.rng.randint(1, 2)):
            path, values = self.rng.choice(specimen.all_edits)
            pointer = "/" + "/".join(part.replace("/", "~1") for part in path.split("."))
            verb = self.rng.choice(("add", "add", "replace", "remove", "test"))
            operation = {"op": verb, "path": pointer}
            if verb != "remove":
                operation["value"] = copy.deepcopy(self.rng.choice(values))
            operations.append(operation)
        return self._write("PATCH", specimen.path("{ns}", name), operations, JSON_PATCH)

    def apply(self, specimen, name):
        start = specimen.made(name)
        if self.rng.random() < 0.3:
            start = {key: start[key] for key in ("apiVersion", "kind", "metadata")}
        body = self._edited(specimen, start, specimen.all_edits, most=3)
        query = {"fieldManager": self.rng.choice(MANAGERS)}
        if self.rng.random() < 0.3:
            query["force"] = "true"
        if self.rng.random() < 0.03:
            del query["fieldManager"]
        return self._write("PATCH", specimen.path("{ns}", name), body, APPLY, **query)

    def apply_status(self, specimen, name):
        if not specimen.status_edits:
            return self.apply(specimen, name)
        start = specimen.made(name)
        start = {key: start[key] for key in ("apiVersion", "kind", "metadata")}
        body = self._edited(specimen, start, specimen.status_edits[:-1], most=2)
        query = {"fieldManager": self.rng.choice(MANAGERS)}
        if self.rng.random() < 0.3:
            query["force"] = "true"
        path = specimen.path("{ns}", name, "status")
        return self._write("PATCH", path, body, APPLY, **query)

    def get(self, specimen, name):
        accept = self.rng.choice(("", "", TABLE, PARTIAL)) if specimen.is_custom else ""
        return Request("GET", specimen.path("{ns}", name), accept=accept)

    def list(self, specimen, name):
        query = {}
        if self.rng.random() < 0.4:
            query["labelSelector"] = self.rng.choice(
                (
                    "app=x",
                    "tier in (front,back)",
                    "!tier",
                    "app=z,tier",
                    "app==",
                    "a in (",
                    "tier!=front",
                )
            )
        if self.rng.random() < 0.2:
            query["fieldSelector"] = self.rng.choice(
                (
                    f"metadata.name={name}",
                    f"metadata.name!={name}",
                    "metadata.namespace={ns}",
                    "spec.no=1",
                )
            )
        if self.rng.random() < 0.3:
            query["limit"] = self.rng.choice(("1", "2"))
            if self.rng.random() < 0.5:
                query["continue"] = "$continue"
        if "limit" not in query and self.rng.random() < 0.2:
            query["resourceVersion"] = self._reference("seen", specimen, name)
            query["resourceVersionMatch"] = "Exact"
        return Request("GET", specimen.path("{ns}"), query=query)

    def delete(self, specimen, name):
        body = None
        if self.rng.random() < 0.5:
            body = {"apiVersion": "v1", "kind": "DeleteOptions"}
            choice = self.rng.random()
            if choice < 0.3:
                body["preconditions"] = {"uid": self._reference("uid", specimen, name)}
            elif choice < 0.5:
                version = self._reference("version", specimen, name)
                body["preconditions"] = {"resourceVersion": version}
            elif choice < 0.8:
                body["propagationPolicy"] = self.rng.choice(
                    ("Background", "Foreground", "Orphan", "Sideways")
                )
            else:
                body["gracePeriodSeconds"] = self.rng.choice((0, 30, -5))
        return self._write("DELETE", specimen.path("{ns}", name), body, fields=False)

    def delete_all(self, specimen, name):
        query = {}
        if specimen.plural == "serviceaccounts":
            # Not the one that pods have: a real server may notice that later.
            query["labelSelector"] = self.rng.choice(("app=x", "!tier"))
        elif self.rng.random() < 0.6:
            query["labelSelector"] = self.rng.choice(("app=x", "tier", "!tier"))
        return self._write("DELETE", specimen.path("{ns}"), None, fields=False, **query)

    def scale(self, specimen, name):
        if not specimen.scaled:
            return self.get(specimen, name)
        path = specimen.path("{ns}", name, "scale")
        if self.rng.random() < 0.4:
            return Request("GET", path)
        # What upstream records of who scaled a built-in kind depends on more than is known here.
        replicas = (0, 1, 4, -1) if specimen.is_custom else (-1,)
        patch = {"spec": {"replicas": self.rng.choice(replicas)}}
        return self._write("PATCH", path, patch, MERGE)

    def nonsense(self, specimen, name):
        path = specimen.path("{ns}", name)
        return self.rng.choice(
            (
                Request("PUT", path, specimen.made("another")),
                Request("PUT", path, {**specimen.made(name), "kind": "Other"}),
                Request("PUT", path, {**specimen.made(name), "apiVersion": "v9"}),
                Request("POST", specimen.path("{ns}"), b"{"),
                Request("POST", specimen.path("{ns}"), b"[]"),
                Request("POST", specimen.path("{ns}"), specimen.made(""), query={}),
                Request("POST", specimen.path("{ns}"), specimen.made("Not_A_Name")),
                Request("POST", specimen.path("{ns}"), specimen.made(name), "text/plain"),
                Request("PATCH", path, {}, JSON),
                Request("PATCH", path, b"not json", MERGE),
                Request("PATCH", path, [{"op": "jump", "path": "/x"}], JSON_PATCH),
                Request("PATCH", path, {}, MERGE, query={"force": "true"}),
                Request("POST", path, specimen.made(name)),
                Request("GET", path, query={"resourceVersion": "abc"}),
                Request("GET", specimen.path("{ns}"), query={"limit": "x"}),
                Request("GET", specimen.path("{ns}"), query={"continue": "nonsense"}),
                Request("GET", specimen.path("{ns}", name, "nothing")),
                Request(
                    "POST", specimen.path("{ns}"), specimen.made(name), query={"dryRun": "Some"}
                ),
            )
        )

    def _write(self, method, path, body, kind=JSON, *, fields=True, **query):
        """A write, now and then a dry run or with another strictness."""
        if self.rng.random() < 0.06:
            query["dryRun"] = "All"
        if fields and self.rng.random() < 0.3:
            query["fieldValidation"] = self.rng.choice(("Strict", "Warn", "Ignore"))
        if fields and kind != APPLY and self.rng.random() < 0.2:
            query["fieldManager"] = self.rng.choice(MANAGERS)
        return Request(method, path, body, kind, query=query)

    def _prefix(self):
        """Of a name to be generated: in a list, objects stand in the order of their prefixes."""
        self.prefixes += 1
        return f"g{self.prefixes:02}-"

    def _edited(self, specimen, body, edits, *, most, keep_none=False):
        """The object with up to `most` fields set; None removes a field, or is kept as null."""
        for _ in range(self.rng.randint(0 if body else 1, most)):
            path, values = self.rng.choice(edits)
            value = copy.deepcopy(self.rng.choice(values))
            _put(body, path.split("."), value, keep_none=keep_none or self.rng.random() < 0.2)
        return body

    def _stamp(self, body, specimen, name):
        """Give an update's body a resourceVersion: the last, an old one, or none."""
        chance = self.rng.random()
        if not isinstance(body.get("metadata"), dict):
            return
        if chance < 0.6:
            body["metadata"]["resourceVersion"] = self._reference("version", specimen, name)
        elif chance < 0.75:
            body["metadata"]["resourceVersion"] = self._reference("first", specimen, name)
        if chance < 0.2:
            body["metadata"]["uid"] = self._reference("uid", specimen, name)

    def _reference(self, what, specimen, name):
        return f"${what}:{specimen.plural}/{name}"


def _put(body, path, value, *, keep_none):
    if value is None and not keep_none and not _holds(body, path):
        return
    for part in path[:-1]:
        if not isinstance(body.get(part), dict):
            body[part] = {}
        body = body[part]
    if value is None and not keep_none:
        body.pop(path[-1], None)
    else:
        body[path[-1]] = value


def _holds(body, path):
    for part in path:
        if not isinstance(body, dict) or part not in body:
            return False
        body = body[part]
    return True


_WEIGHED = {
    _Writer.create: 16,
    _Writer.update: 12,
    _Writer.update_status: 4,
    _Writer.merge: 9,
    _Writer.strategic: 7,
    _Writer.merge_status: 4,
    _Writer.json_patch: 7,
    _Writer.apply: 14,
    _Writer.apply_status: 3,
    _Writer.get: 5,
    _Writer.list: 8,
    _Writer.delete: 7,
    _Writer.delete_all: 1,
    _Writer.scale: 2,
    _Writer.nonsense: 3,
}
_VERBS = tuple(_WEIGHED)
_WEIGHTS = tuple(_WEIGHED.values())
