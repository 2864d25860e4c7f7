"""Names and labels of a job's children, so that every reader can compute them.

Promises that a name depends on the job's kind and name only (never on chance), that two
kinds of one name never meet, and that every label value is one the API server accepts.
Does not promise that an object of such a name belongs to the job: ask its owner reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND_LABEL = "mlctl.dev/kind"
NAME_LABEL = "mlctl.dev/name"
ROLE_LABEL = "mlctl.dev/role"
INDEX_LABEL = "mlctl.dev/index"
ATTEMPT_LABEL = "mlctl.dev/attempt"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGER_NAME = "mlctl"

TRACKING_FINALIZER = "mlctl.dev/tracking"
"""Keeps a pod until its result is in the job's status (the idea of KEP-2307)."""

COPIED_ANNOTATIONS = ("mlctl.dev/project", "mlctl.dev/experiment", "mlctl.dev/user")
"""The only annotations of a job that reach its children; usage reports group by them.
Everything else under our prefix is ours, and a tenant's own keys are not copied."""

_MAX_LABEL_VALUE = 63
_NOT_IN_A_LABEL = re.compile(r"[^A-Za-z0-9_.-]+")


def prefix(short_kind: str, job: str) -> str:
    """What every child's name begins with: ``pyjob-mnist``."""
    return f"{short_kind}-{job}"


def pod_name(short_kind: str, job: str, role: str, index: int) -> str:
    """The pod of one replica, the same for every attempt: ``pyjob-mnist-worker-0``."""
    return f"{prefix(short_kind, job)}-{role}-{index}"


def host(pod: str, service: str, namespace: str, cluster_domain: str = "") -> str:
    """Where a pod is found through the headless Service of its job.

    Without the cluster's domain the name is one that a pod's search domains complete.
    """
    domain = f".{cluster_domain}" if cluster_domain else ""
    return f"{pod}.{service}.{namespace}.svc{domain}"


def code_name(short_kind: str, job: str) -> str:
    """The ConfigMap that carries inline code: ``pyjob-mnist-code``."""
    return f"{prefix(short_kind, job)}-code"


def job_labels(kind: str, job: str, annotations: Mapping[str, str]) -> dict[str, str]:
    """Labels of every child: whose it is, and the project, experiment and user it counts for."""
    labels = {KIND_LABEL: kind, NAME_LABEL: job, MANAGED_BY_LABEL: MANAGER_NAME}
    for key in COPIED_ANNOTATIONS:
        if value := label_value(annotations.get(key, "")):
            labels[key] = value
    return labels


def replica_labels(role: str, index: int, attempt: int) -> dict[str, str]:
    """Labels that tell one pod of a job from another."""
    return {ROLE_LABEL: role, INDEX_LABEL: str(index), ATTEMPT_LABEL: str(attempt)}


def label_value(text: str) -> str:
    """``text`` as a label value: refused characters become ``-``, cut to 63; may be empty.

    Two texts may become one value; reports show the value, so nothing is lost silently.
    """
    cut = _NOT_IN_A_LABEL.sub("-", text)[:_MAX_LABEL_VALUE]
    return cut.strip("-_.")
