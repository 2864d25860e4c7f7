"""What a pod may say about the nodes it runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver import names
from mlctl_core.embedded.apiserver.container_rules import one_of

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_TOLERATION_OPERATORS: Final = ("Equal", "Exists")
_VALUE_OPERATORS: Final = frozenset({"In", "NotIn"})
_BARE_OPERATORS: Final = frozenset({"Exists", "DoesNotExist"})
_ORDER_OPERATORS: Final = frozenset({"Gt", "Lt"})
_UNSATISFIABLE: Final = ("DoNotSchedule", "ScheduleAnyway")


def check_tolerations(tolerations: list[Json], path: str) -> list[FieldError]:
    """Keys, operators, values and effects of tolerations."""
    found: list[FieldError] = []
    for index, toleration in enumerate(tolerations):
        where = f"{path}[{index}]"
        key, value = toleration.get("key") or "", toleration.get("value") or ""
        operator = toleration.get("operator") or ""
        effect = toleration.get("effect") or ""
        if key:
            rules = names.check_qualified_name(key)
            found.extend(errors.invalid(f"{where}.key", key, rule) for rule in rules)
        if not key and operator != "Exists":
            detail = (
                "operator must be Exists when `key` is empty, which means"
                ' "match all values and all keys"'
            )
            found.append(errors.invalid(f"{where}.operator", operator, detail))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            found.append(errors.invalid(f"{where}.effect", effect, detail))
        if operator in {"", "Equal"}:
            rules = names.check_label_value(value)
            found.extend(errors.invalid(f"{where}.operator", value, rule) for rule in rules)
        elif operator == "Exists" and value:
            detail = "value must be empty when `operator` is 'Exists'"
            found.append(errors.invalid(f"{where}.operator", value, detail))
        else:
            found.extend(one_of(f"{where}.operator", operator, _TOLERATION_OPERATORS))
        found.extend(one_of(f"{where}.effect", effect, EFFECTS))
    return found


def check_gates(gates: list[Json], path: str) -> list[FieldError]:
    """Names of scheduling gates, each once."""
    found: list[FieldError] = []
    seen: set[str] = set()
    for index, gate in enumerate(gates):
        name = gate.get("name") or ""
        where = f"{path}[{index}]"
        rules = names.check_qualified_name(name)
        found.extend(errors.invalid(where, name, rule) for rule in rules)
        if name in seen:
            found.append(errors.duplicate(where, name))
        seen.add(name)
    return found


def check_affinity(affinity: Json, path: str) -> list[FieldError]:
    """The node selectors of an affinity."""
    node = affinity.get("nodeAffinity") or {}
    found: list[FieldError] = []
    where = f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    wanted = node.get("requiredDuringSchedulingIgnoredDuringExecution")
    if wanted is not None:
        terms = wanted.get("nodeSelectorTerms") or []
        if not terms:
            detail = "must have at least one node selector term"
            found.append(errors.required(f"{where}.nodeSelectorTerms", detail))
        for index, term in enumerate(terms):
            found.extend(_check_term(term, f"{where}.nodeSelectorTerms[{index}]"))
    where = f"{path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution"
    preferred = node.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    for index, term in enumerate(preferred):
        found.extend(_check_term(term.get("preference") or {}, f"{where}[{index}].preference"))
    return found


def _check_term(term: Json, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for index, rule in enumerate(term.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = rule.get("operator") or "", rule.get("values") or []
        if operator in _VALUE_OPERATORS:
            if not values:
                detail = "must be specified when `operator` is 'In' or 'NotIn'"
                found.append(errors.required(f"{where}.values", detail))
        elif operator in _BARE_OPERATORS:
            if values:
                detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                found.append(errors.forbidden(f"{where}.values", detail))
        elif operator in _ORDER_OPERATORS:
            if len(values) != 1:
                detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                found.append(errors.required(f"{where}.values", detail))
        else:
            detail = "not a valid selector operator"
            found.append(errors.invalid(f"{where}.operator", operator, detail))
        rules = names.check_qualified_name(rule.get("key") or "")
        found.extend(errors.invalid(f"{where}.key", rule.get("key", ""), text) for text in rules)
    return found


def check_spread(constraints: list[Json], path: str) -> list[FieldError]:
    """Topology spread constraints."""
    found: list[FieldError] = []
    for index, constraint in enumerate(constraints):
        where = f"{path}[{index}]"
        skew = constraint.get("maxSkew") or 0
        if skew <= 0:
            found.append(errors.invalid(f"{where}.maxSkew", skew, "must be greater than zero"))
        if not constraint.get("topologyKey"):
            found.append(errors.required(f"{where}.topologyKey", "can not be empty"))
        action = constraint.get("whenUnsatisfiable") or ""
        if action not in _UNSATISFIABLE:
            where = f"{where}.whenUnsatisfiable"
            found.append(errors.not_supported(where, action, _UNSATISFIABLE))
    return found
