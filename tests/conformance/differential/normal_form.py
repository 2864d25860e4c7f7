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
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_GENERATED = re.compile(r"\b(g|kube-api-access)-[bcdfghjklmnpqrstvwxz2456789]{5}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| [+]0000 UTC)( m=\S+)?")
_GO_DIFF = re.compile(r"\n@@ -[\s\S]*?\n(?=\]?$|, [a-z]+[.:\[])|\n@@ -[\s\S]*$|\nchanged: [^,\]]*")
"""A difference of two Go structs, which messages about immutable fields end in."""
_CHOSEN = "2020-01-01T00:00:00Z"
"""A time that requests give themselves."""


def _refusal(status):
    """A refusal for what is wrong with fields: upstream promises no order, and says some twice.

    The message says the same as the causes, in the same order.
    """
    details = status.get("details") or {}
    causes = {json.dumps(one, sort_keys=True): one for one in details.get("causes") or ()}
    if not causes:
        return status
    in_order = [causes[text] for text in sorted(causes)]
    message = status["message"].partition(" is invalid: ")[0]
    return {**status, "message": message, "details": {**details, "causes": in_order}}


class NormalForm:
    """The normal form of the answers of one sequence on one server."""

    def __init__(self, namespace):
        self._namespace = namespace
        self._uids = {}
        self._versions = {}

    def of(self, value, key="", parent=""):
        if isinstance(value, dict) and value.get("reason") == "Invalid":
            value = _refusal(value)
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

    def _string(self, value, key, parent):
        if key == "resourceVersion" and parent in {"metadata", ""}:
            return f"version-{self._versions.setdefault(value, len(self._versions))}"
        if key in _TIMES and value != _CHOSEN:
            return "time"
        return self._text(value)

    def _text(self, text):
        text = _GO_DIFF.sub("", text)
        text = text.replace(self._namespace, "{ns}")
        text = _UID.sub(lambda uid: f"uid-{self._uids.setdefault(uid[0], len(self._uids))}", text)
        text = _GENERATED.sub(r"\1-*****", text)
        return _TIME.sub(lambda time: time[0] if time[0] == _CHOSEN else "time", text)
