"""Answers without what may differ between two servers that behave alike.

Versions and uids become numbers in the order in which they are first seen, so that a version
that should have stayed, or should have moved, still shows. Times, generated names and tokens
become words.
"""

from __future__ import annotations

import json
import re

_TIMES = frozenset(
    {
        "creationTimestamp",
        "deletionTimestamp",
        "time",
        "lastTransitionTime",
        "startTime",
        "lastUpdateTime",
    }
)
SENT = frozenset({"", "1"})
"""Versions that requests make up: no server has given them."""
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_GENERATED = re.compile(r"\b(g\d+|kube-api-access)-[bcdfghjklmnpqrstvwxz2456789]{5}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+]0000 UTC)( m=\S+)?")
_GO_DIFF = re.compile(r"\n(@@ -|changed: )[\s\S]*$")
"""A difference of two Go structs, or our word for it, which what is immutable ends in."""
_DUMP = re.compile(r'Invalid value: "\{')
"""An object in JSON, as Go quotes it, in the order of its fields in memory."""
_ADDRESS = re.compile(r"\b10\.0\.\d{1,3}\.\d{1,3}\b")
"""Of a service: the server chose it."""
_MISFIT = re.compile(r"failed to create typed patch object \([^)]*\): ")
_UNDECLARED = "field not declared in schema"
_STRICT = "strict decoding error: "
_SEVERAL = "): errors:\n  "
_AGE = re.compile(r"\d+s")
_CHOSEN = "2020-01-01T00:00:00Z"
"""A time that requests give themselves."""


def _refusal(status):
    """A refusal for what is wrong with fields: upstream promises no order, and says some twice.

    The message of what is invalid says the same as the causes, in the same order. The conflicts
    of an apply are causes too, in the order of a Go map.
    """
    details = status.get("details") or {}
    causes = {json.dumps(one, sort_keys=True): one for one in details.get("causes") or ()}
    if not causes:
        return status
    in_order = [causes[text] for text in sorted(causes)]
    message = status["message"].partition(" is invalid: ")[0]
    message = message.partition(" conflicts: ")[0]
    return {**status, "message": message, "details": {**details, "causes": in_order}}


class NormalForm:
    """The normal form of the answers of one sequence on one server."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._uids = {}
        self._versions = {}
        self._texts = {}

    def of(self, value, key="", parent=""):
        if isinstance(value, dict) and value.get("reason") in {"Invalid", "Conflict"}:
            value = _refusal(value)
        if key == "fieldsV1":
            # As text: there is much of it, often the same.
            return self._text(json.dumps(value, sort_keys=True))
        if isinstance(value, dict):
            is_list = "items" in value or "rows" in value or value.get("kind") == "Table"
            return {
                self._text(name): self._metadata(one)
                if is_list and name == "metadata"
                else self.of(one, name, key)
                for name, one in value.items()
            }
        if key == "managedFields" and isinstance(value, list):
            # Their order follows times, which pass between two requests on one server only.
            value = sorted(
                value,
                key=lambda one: (one["manager"], one["operation"], one.get("subresource", "")),
            )
        if isinstance(value, list):
            return [self.of(one, key, parent) for one in value]
        if isinstance(value, str):
            return self._string(value, key, parent)
        return value

    def _metadata(self, metadata):
        """Of a list: its version is the server's, at whatever others did meanwhile."""
        found = {name: one for name, one in metadata.items() if name != "selfLink"}
        if "resourceVersion" in found:
            found["resourceVersion"] = "now"
        if found.get("continue"):
            found["continue"] = "token"
        return found

    def _said(self, text):
        """A message, without what is only how a value is written down."""
        found = _DUMP.match(text)
        if found is None:
            return text
        start = found.end() - 2
        dump, end = json.JSONDecoder().raw_decode(text, start)
        return text[:start] + json.dumps(self.of(json.loads(dump)), sort_keys=True) + text[end:]

    def _string(self, value, key, parent):
        if key == "resourceVersion" and value in SENT:
            return value
        if key == "resourceVersion" and parent in {"metadata", ""}:
            return f"version-{self._versions.setdefault(value, len(self._versions))}"
        if key == "message" and parent == "causes":
            value = self._said(value)
        if key == "cells" and _AGE.fullmatch(value):
            return "age"
        if key in _TIMES and value != _CHOSEN:
            return "time"
        return self._text(value)

    def _text(self, text):
        """A text in normal form; most are seen many times."""
        found = self._texts.get(text)
        if found is None:
            found = self._texts[text] = self._normal_text(text)
        return found

    def _normal_text(self, text):
        head, several, problems = text.partition(_SEVERAL)
        if _MISFIT.match(text) and _UNDECLARED in text:
            # What else does not fit is told if it comes before that in the order of a Go map.
            text = _MISFIT.match(text)[0] + _UNDECLARED
        elif several:
            # One line for each field, in the order of a Go map.
            text = head + several + "\n  ".join(sorted(problems.split("\n  ")))
        head, strict, problems = text.partition(_STRICT)
        if strict:
            # In the order of the document, or of the patched object's fields in memory.
            text = head + strict + ", ".join(sorted(problems.split(", ")))
        text = _GO_DIFF.sub("", text)
        text = text.replace(self._namespace, "{ns}")
        text = _UID.sub(lambda uid: f"uid-{self._uids.setdefault(uid[0], len(self._uids))}", text)
        text = _ADDRESS.sub("address", text)
        text = _GENERATED.sub(r"\1-*****", text)
        return _TIME.sub(lambda time: time[0] if time[0] == _CHOSEN else "time", text)
