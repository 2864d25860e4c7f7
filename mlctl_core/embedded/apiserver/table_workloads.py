"""The rows of kinds that make pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver.durations import human_duration, since
from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from mlctl_core.objects.json import Json

_NONE: Final = "<none>"

_JOB_STATES: Final = (
    ("Complete", "Complete"),
    ("Failed", "Failed"),
    ("", "Terminating"),
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)
"""Conditions in the order in which they name a job's state; deletion comes third."""


def format_labels(labels: Json | None) -> str:
    """Labels as `a=b,c=d`, `<none>` when there are none."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or _NONE


def format_selector(selector: Json | None) -> str:
    """A label selector in the form that `kubectl -l` reads."""
    if not selector:
        return _NONE
    parts = {key: f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()}
    for rule in selector.get("matchExpressions") or ():
        key, values = rule.get("key", ""), ",".join(sorted(rule.get("values") or ()))
        parts[key] = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }.get(rule.get("operator", ""), key)
    return ",".join(parts[key] for key in sorted(parts)) or _NONE


def _age(obj: Json, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def _containers(template: Json | None) -> list[str]:
    containers = ((template or {}).get("spec") or {}).get("containers") or ()
    names = ",".join(container.get("name", "") for container in containers)
    return [names, ",".join(container.get("image", "") for container in containers)]


def deployment_row(obj: Json, now: datetime) -> list[Any]:
    """Ready of desired, up to date, available."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        obj["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        _age(obj, now),
        *_containers(spec.get("template")),
        format_selector(spec.get("selector")),
    ]


def replica_set_row(obj: Json, now: datetime) -> list[Any]:
    """Desired, current, ready."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        obj["metadata"]["name"],
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        _age(obj, now),
        *_containers(spec.get("template")),
        format_selector(spec.get("selector")),
    ]


def stateful_set_row(obj: Json, now: datetime) -> list[Any]:
    """Ready of desired."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        obj["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        _age(obj, now),
        *_containers(spec.get("template")),
    ]


def daemon_set_row(obj: Json, now: datetime) -> list[Any]:
    """Desired, current, ready, up to date, available."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    template = spec.get("template") or {}
    return [
        obj["metadata"]["name"],
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        format_labels((template.get("spec") or {}).get("nodeSelector")),
        _age(obj, now),
        *_containers(template),
        format_selector(spec.get("selector")),
    ]


def job_row(obj: Json, now: datetime) -> list[Any]:
    """State, completions, how long it ran."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    done = status.get("succeeded", 0)
    if spec.get("completions") is not None:
        completions = f"{done}/{spec['completions']}"
    elif (spec.get("parallelism") or 0) > 1:
        completions = f"{done}/1 of {spec['parallelism']}"
    else:
        completions = f"{done}/1"
    return [
        obj["metadata"]["name"],
        _job_state(obj, status),
        completions,
        _job_duration(status, now),
        _age(obj, now),
        *_containers(spec.get("template")),
        format_selector(spec.get("selector")),
    ]


def _job_state(obj: Json, status: Json) -> str:
    true = {c.get("type") for c in status.get("conditions") or () if c.get("status") == "True"}
    for condition, state in _JOB_STATES:
        if condition in true or (not condition and obj["metadata"].get("deletionTimestamp")):
            return state
    return "Running"


def _job_duration(status: Json, now: datetime) -> str:
    if not status.get("startTime"):
        return ""
    end = parse_time(status["completionTime"]) if status.get("completionTime") else now
    return human_duration((end - parse_time(status["startTime"])).total_seconds())


def cron_job_row(obj: Json, now: datetime) -> list[Any]:
    """Schedule, active jobs, when it last ran."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    last = status.get("lastScheduleTime")
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    return [
        obj["metadata"]["name"],
        spec.get("schedule", ""),
        spec.get("timeZone") or _NONE,
        "<unset>" if spec.get("suspend") is None else str(spec["suspend"]),
        len(status.get("active") or ()),
        since(last, now) if last else _NONE,
        _age(obj, now),
        *_containers(job.get("template")),
        format_selector(job.get("selector")),
    ]


def controller_revision_row(obj: Json, now: datetime) -> list[Any]:
    """Who controls it, and its number."""
    owner = next(
        (o for o in obj["metadata"].get("ownerReferences") or () if o.get("controller")), None
    )
    controller = _NONE
    if owner:
        group = owner["apiVersion"].rpartition("/")[0]
        kind = owner["kind"].lower()
        controller = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return [obj["metadata"]["name"], controller, obj.get("revision", 0), _age(obj, now)]


def pod_template_row(obj: Json, now: datetime) -> list[Any]:
    """Containers, images, labels."""
    del now
    template = obj.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    return [obj["metadata"]["name"], *_containers(template), format_labels(labels)]


def disruption_budget_row(obj: Json, now: datetime) -> list[Any]:
    """What must stay, and what may go now."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return [
        obj["metadata"]["name"],
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        status.get("disruptionsAllowed", 0),
        _age(obj, now),
    ]
