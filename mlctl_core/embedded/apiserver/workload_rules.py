"""What workloads, services, nodes and other kinds must look like, in upstream's words.

Only what people meet: selectors that fit, numbers that are not negative, words that exist,
and fields that may not change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver import names
from mlctl_core.embedded.apiserver.container_rules import one_of
from mlctl_core.embedded.apiserver.metadata_rules import check_labels
from mlctl_core.embedded.apiserver.pod_rules import check_pod_spec
from mlctl_core.embedded.apiserver.probe_rules import at_least_zero
from mlctl_core.objects.selectors import LabelSelector

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

_SELECTOR_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")
_JOB_RESTARTS: Final = ("OnFailure", "Never")
_COMPLETION_MODES: Final = ("NonIndexed", "Indexed")
_CONCURRENCY: Final = ("Allow", "Forbid", "Replace")
_STRATEGIES: Final = ("Recreate", "RollingUpdate")
_CRON_FIELDS: Final = 5
_PERCENT_RULE: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', "
    " or '93%', regex used for validation is '[0-9]+%')"
)


def check_selector(selector: Json, path: str) -> list[FieldError]:
    """Labels and expressions of a label selector."""
    found = check_labels(selector.get("matchLabels"), f"{path}.matchLabels")
    for index, rule in enumerate(selector.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = rule.get("operator", ""), rule.get("values") or []
        if operator not in _SELECTOR_OPERATORS:
            detail = "not a valid selector operator"
            found.append(errors.invalid(f"{where}.operator", operator, detail))
        elif operator in {"In", "NotIn"} and not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            found.append(errors.required(f"{where}.values", detail))
        elif operator not in {"In", "NotIn"} and values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(errors.forbidden(f"{where}.values", detail))
        rules = names.check_qualified_name(rule.get("key") or "")
        found.extend(errors.invalid(f"{where}.key", rule.get("key", ""), text) for text in rules)
    return found


_NO_DEADLINE: Final = {
    "daemonset": "DaemonSet",
    "deployment": "ReplicaSet",
    "replicaset": "ReplicaSet",
    "statefulset": "StatefulSet",
}
"""Kinds whose pods may have no deadline, and the one that messages name."""


def _check_template(
    spec: Json, kind: str, *, restarts: tuple[str, ...] = ("Always",)
) -> list[FieldError]:
    """A selector that is there, fits the template, and a template that is a pod."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    found: list[FieldError] = []
    if selector is None:
        found.append(errors.required("spec.selector"))
    else:
        wrong = check_selector(selector, "spec.selector")
        found.extend(wrong)
        if wrong:
            found.append(errors.invalid("spec.selector", selector, "invalid label selector"))
        elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
            detail = f"empty selector is invalid for {kind}"
            found.append(errors.invalid("spec.selector", selector, detail))
    mismatch = selector is None or not (found or _matches(selector, labels))
    if mismatch:
        detail = "`selector` does not match template `labels`"
        found.append(errors.invalid("spec.template.metadata.labels", labels, detail))
    found.extend(check_labels(labels, "spec.template.metadata.labels"))
    pod = template.get("spec") or {}
    found.extend(check_pod_spec(pod, "spec.template.spec"))
    owner = _NO_DEADLINE.get(kind)
    if owner and pod.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {owner} is not Supported"
        found.append(errors.forbidden("spec.template.spec.activeDeadlineSeconds", detail))
    policy = pod.get("restartPolicy")
    if policy in {"Always", "OnFailure", "Never"} and policy not in restarts:
        where = "spec.template.spec.restartPolicy"
        found.append(errors.not_supported(where, policy, restarts))
    return found


def _matches(selector: Json, labels: Json | None) -> bool:
    return LabelSelector.from_dict(selector).matches(labels or {})


def _immutable(new: Any, old: Any, path: str) -> list[FieldError]:
    return [] if new == old else [errors.invalid(path, new, "field is immutable")]


def check_deployment(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Replicas, selector, template and strategy."""
    spec = new.get("spec") or {}
    if subresource:
        return _check_deployment_status(new.get("status") or {})
    found = at_least_zero(spec, "replicas", "spec")
    found.extend(_check_template(spec, "deployment"))
    found.extend(_check_strategy(spec.get("strategy") or {}))
    for field in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        found.extend(at_least_zero(spec, field, "spec"))
    if old is not None:
        before = (old.get("spec") or {}).get("selector")
        found.extend(_immutable(spec.get("selector"), before, "spec.selector"))
    return found


def _check_deployment_status(status: Json) -> list[FieldError]:
    """Counts that add up."""
    counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    found = at_least_zero(status, "observedGeneration", "status")
    for field in (*counts, "unavailableReplicas", "terminatingReplicas", "collisionCount"):
        found.extend(at_least_zero(status, field, "status"))
    count = {field: status.get(field) or 0 for field in counts}
    pairs = [(field, "replicas") for field in counts[1:]]
    pairs.append(("availableReplicas", "readyReplicas"))
    for field, most in pairs:
        if count[field] > count[most]:
            words = "status.replicas" if most == "replicas" else most
            detail = f"cannot be greater than {words}"
            found.append(errors.invalid(f"status.{field}", count[field], detail))
    return found


def _check_strategy(strategy: Json) -> list[FieldError]:
    path = "spec.strategy"
    rolling = strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            if rolling is not None:
                detail = "may not be specified when strategy `type` is 'Recreate'"
                return [errors.forbidden(f"{path}.rollingUpdate", detail)]
            return []
        case "RollingUpdate":
            return _check_rolling(rolling or {}, f"{path}.rollingUpdate")
        case kind:
            shown = f'{{"Type":{errors.quote(str(kind))},"RollingUpdate":{_shown(rolling)}}}'
            words = ", ".join(errors.quote(word) for word in _STRATEGIES)
            message = f"Unsupported value: {shown}: supported values: {words}"
            return [errors.FieldError(path, "FieldValueNotSupported", message, kind)]


def _shown(rolling: Json | None) -> str:
    """How a strategy's parameters are written in memory upstream, which a refusal shows."""
    if rolling is None:
        return "null"
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    return f'{{"MaxUnavailable":{errors.show(unavailable)},"MaxSurge":{errors.show(surge)}}}'


def _check_rolling(rolling: Json, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for field in ("maxUnavailable", "maxSurge"):
        value = rolling.get(field, 0)
        if isinstance(value, str) and not (value.endswith("%") and value[:-1].isdigit()):
            found.append(errors.invalid(f"{path}.{field}", value, _PERCENT_RULE))
        elif isinstance(value, int) and value < 0:
            detail = "must be greater than or equal to 0"
            found.append(errors.invalid(f"{path}.{field}", value, detail))
    nothing = {0, "0%", None}
    if (
        not found
        and rolling.get("maxUnavailable") in nothing
        and rolling.get("maxSurge") in nothing
    ):
        detail = "may not be 0 when `maxSurge` is 0"
        value = rolling.get("maxUnavailable")
        found.append(errors.invalid(f"{path}.maxUnavailable", value, detail))
    return found


def check_replica_set(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Replicas, selector and template."""
    spec = new.get("spec") or {}
    if subresource:
        return []
    found = at_least_zero(spec, "replicas", "spec")
    found.extend(at_least_zero(spec, "minReadySeconds", "spec"))
    found.extend(_check_template(spec, "replicaset"))
    if old is not None:
        before = (old.get("spec") or {}).get("selector")
        found.extend(_immutable(spec.get("selector"), before, "spec.selector"))
    return found


def check_stateful_set(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Replicas, selector and template, and that only these change."""
    spec = new.get("spec") or {}
    if subresource:
        return []
    found = at_least_zero(spec, "replicas", "spec")
    found.extend(_check_template(spec, "statefulset"))
    if old is not None:
        may_change = {
            *("minReadySeconds", "ordinals", "persistentVolumeClaimRetentionPolicy"),
            *("replicas", "revisionHistoryLimit", "template", "updateStrategy"),
        }
        before = old.get("spec") or {}
        changed = {name for name in spec.keys() | before if spec.get(name) != before.get(name)}
        if changed - may_change:
            detail = (
                "updates to statefulset spec for fields other than 'replicas', 'ordinals',"
                " 'template', 'updateStrategy', 'revisionHistoryLimit',"
                " 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
            )
            found.append(errors.forbidden("spec", detail))
    return found


def check_daemon_set(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Selector and template."""
    spec = new.get("spec") or {}
    if subresource:
        return []
    found = _check_template(spec, "daemonset")
    if old is not None:
        before = (old.get("spec") or {}).get("selector")
        found.extend(_immutable(spec.get("selector"), before, "spec.selector"))
    return found


def check_job(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Numbers, completion mode and template; the template may not change."""
    spec = new.get("spec") or {}
    if subresource:
        return []
    found: list[FieldError] = []
    for field in (
        *("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit"),
        "ttlSecondsAfterFinished",
    ):
        found.extend(at_least_zero(spec, field, "spec"))
    found.extend(one_of("spec.completionMode", spec.get("completionMode"), _COMPLETION_MODES))
    found.extend(_check_job_template(spec, "spec"))
    if old is not None:
        before = old.get("spec") or {}
        for field in ("completions", "selector", "completionMode"):
            if not (field == "completions" and spec.get("completionMode") == "Indexed"):
                found.extend(_immutable(spec.get(field), before.get(field), f"spec.{field}"))
        if not before.get("suspend"):
            found.extend(_immutable(spec.get("template"), before.get("template"), "spec.template"))
    return found


def _check_job_template(spec: Json, path: str) -> list[FieldError]:
    pod = (spec.get("template") or {}).get("spec") or {}
    where = f"{path}.template.spec"
    found = check_pod_spec(pod, where)
    policy = pod.get("restartPolicy")
    if policy not in _JOB_RESTARTS:
        words = ", ".join(errors.quote(word) for word in _JOB_RESTARTS)
        field = f"{where}.restartPolicy"
        if policy in {None, "", "Always"}:
            found.append(errors.required(field, f"valid values: {words}"))
    return found


def check_cron_job(new: Json, old: Json | None, subresource: str) -> list[FieldError]:
    """Schedule, concurrency and the job's template."""
    del old
    spec = new.get("spec") or {}
    if subresource:
        return []
    found = one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), _CONCURRENCY)
    found.extend(
        _check_job_template(
            (spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec"
        )
    )
    schedule = spec.get("schedule") or ""
    if not schedule:
        found.append(errors.required("spec.schedule"))
    elif not schedule.startswith("@") and len(schedule.split()) != _CRON_FIELDS:
        shown = errors.go_text(schedule.split())
        detail = f"expected exactly {_CRON_FIELDS} fields, found {len(schedule.split())}: {shown}"
        found.append(errors.invalid("spec.schedule", schedule, detail))
    return found
