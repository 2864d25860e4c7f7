"""Whether the rules of a definition's schema can be used, in upstream's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlctl_core.embedded.apiserver import field_errors as errors
from mlctl_core.embedded.apiserver.cel_syntax import (
    CelError,
    compile_source,
    literal_type,
    only_selects,
    uses_old_self,
)
from mlctl_core.embedded.apiserver.json_path import find

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

_REASONS: Final = (
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
)


def check_rules(schema: Json, path: str, *, correlatable: bool) -> list[FieldError]:
    """The rules that stand in a schema: their fields, and that they compile.

    `correlatable` says whether the value can be found again in the old object.
    """
    found: list[FieldError] = []
    for index, rule in enumerate(schema.get("x-kubernetes-validations") or ()):
        where = f"{path}.x-kubernetes-validations[{index}]"
        found.extend(_check_rule_fields(rule, schema, where))
        source = rule.get("rule", "")
        if not source.strip():
            continue
        found.extend(_check_compiles(rule, "rule", "", schema, where))
        found.extend(
            _check_compiles(rule, "messageExpression", "messageExpression ", schema, where)
        )
        transition = uses_old_self(source)
        if transition and not correlatable and not rule.get("optionalOldSelf"):
            detail = (
                "oldSelf cannot be used on the uncorrelatable portion of the schema within"
                f" {_uncorrelatable(path)}"
            )
            found.append(errors.invalid(f"{where}.rule", source, detail))
        if rule.get("optionalOldSelf") is not None and not transition:
            detail = "may not be set if oldSelf is not used in rule"
            found.append(
                errors.invalid(f"{where}.optionalOldSelf", rule["optionalOldSelf"], detail)
            )
    return found


def _uncorrelatable(path: str) -> str:
    return path[: path.rfind(".items")]


def _check_rule_fields(rule: Json, schema: Json, where: str) -> list[FieldError]:
    found: list[FieldError] = []
    if not rule.get("rule", "").strip():
        found.append(errors.required(f"{where}.rule", "rule is not specified"))
    message = rule.get("message") or ""
    if message and not message.strip():
        detail = "message must be non-empty if specified"
        found.append(errors.invalid(f"{where}.message", message, detail))
    elif "\n" in message.strip():
        detail = "must not contain line breaks"
        found.append(errors.invalid(f"{where}.message", message, detail))
    elif "\n" in rule.get("rule", "").strip() and not message.strip():
        detail = "message must be specified if rule contains line breaks"
        found.append(errors.required(f"{where}.message", detail))
    reason = rule.get("reason")
    if reason and reason not in _REASONS:
        found.append(errors.not_supported(f"{where}.reason", reason, _REASONS))
    field_path = rule.get("fieldPath")
    if field_path and not _leads_somewhere(field_path, schema):
        detail = "must be a valid path"
        found.append(errors.invalid(f"{where}.fieldPath", field_path, detail))
    return found


def _leads_somewhere(path: str, schema: Json) -> bool:
    if not path.startswith((".", "[")):
        return False
    try:
        # Walk the schema as if it were an object: each field holds its schema's fields.
        return bool(find(path, _shape(schema, path.count(".") + path.count("["))))
    except ValueError:
        return False


def _shape(schema: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth < 0:
        return True
    return {
        name: _shape(below, depth - 1) for name, below in (schema.get("properties") or {}).items()
    }


def _check_compiles(
    rule: Json, field: str, prefix: str, schema: Json, where: str
) -> list[FieldError]:
    source = rule.get(field) or ""
    if not source:
        return []
    shown = {
        "Rule": rule.get("rule", ""),
        "Message": rule.get("message", ""),
        "MessageExpression": rule.get("messageExpression", ""),
        "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath", ""),
        "OptionalOldSelf": rule.get("optionalOldSelf"),
    }
    try:
        compile_source(source, schema)
    except CelError as failure:
        detail = f"{prefix}compilation failed: {failure}"
        return [_rule_error(f"{where}.{field}", shown, detail)]
    selected = literal_type(source) or only_selects(source, schema)
    wanted = "boolean" if field == "rule" else "string"
    if selected is not None and selected.get("type") not in {wanted, None}:
        detail = "cel expression must evaluate to a bool"
        if field == "messageExpression":
            detail = "messageExpression must evaluate to a string"
        return [_rule_error(f"{where}.{field}", shown, detail)]
    return []


def _rule_error(path: str, shown: Json, detail: str) -> FieldError:
    inner = ",".join(f"{errors.quote(name)}:{errors.go_json(shown[name])}" for name in shown)
    for plain, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        inner = inner.replace(plain, escaped)
    message = f"Invalid value: {{{inner}}}: {detail}"
    return errors.FieldError(path, "FieldValueInvalid", message, shown)
