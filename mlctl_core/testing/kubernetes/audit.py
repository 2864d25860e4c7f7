"""The API server's audit log: what to put into it, and reading it back.

An audit log is the truth about who asked for what and what was answered; see
https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/ for the fields of an event.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlctl_core.objects.json import Json

__all__ = ["AuditLevel", "audit_policy", "read_audit_log"]

AuditLevel = Literal["Metadata", "Request", "RequestResponse"]


def audit_policy(level: AuditLevel, users: Sequence[str] = ()) -> Json:
    """Make a policy that logs each answered request of these users once, or of everybody.

    A user is named as the server knows it: ``system:serviceaccount:<namespace>:<name>``.
    """
    rule: Json = {"level": level}
    rules = [{**rule, "users": list(users)}, {"level": "None"}] if users else [rule]
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": True,
        "rules": rules,
    }


def read_audit_log(path: Path) -> Iterator[Json]:
    """Yield the events that are in the log now, in its order; none if there is no log.

    A watch is logged twice: when it was answered (stage ResponseStarted) and when it ended
    (ResponseComplete). A line that is being written is left for the next time.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)
