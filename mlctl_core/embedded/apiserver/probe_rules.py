"""Probes, lifecycle hooks, and the numbers in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlctl_core.embedded.apiserver import field_errors as errors

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.field_errors import FieldError
    from mlctl_core.objects.json import Json

MAX_PORT: Final = 65535
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_PROBE_NUMBERS: Final = (
    *("initialDelaySeconds", "timeoutSeconds", "periodSeconds"),
    *("successThreshold", "failureThreshold"),
)


def at_least_zero(holder: Json, field: str, path: str) -> list[FieldError]:
    """That a number, if given, is not negative."""
    value = holder.get(field)
    if value is None or value >= 0:
        return []
    return [errors.invalid(f"{path}.{field}", value, "must be greater than or equal to 0")]


def check_port_number(path: str, value: int) -> list[FieldError]:
    """That a port is between 1 and 65535."""
    if 1 <= value <= MAX_PORT:
        return []
    return [errors.invalid(path, value, f"must be between 1 and {MAX_PORT}, inclusive")]


def check_probe(probe: Json, path: str, *, single: bool) -> list[FieldError]:
    """A probe; `single` where one success must be enough."""
    found = check_handler(probe, path)
    for field in _PROBE_NUMBERS:
        found.extend(at_least_zero(probe, field, path))
    if single and probe.get("successThreshold", 1) not in {0, 1}:
        value = probe["successThreshold"]
        found.append(errors.invalid(f"{path}.successThreshold", value, "must be 1"))
    return found


def check_handler(handler: Json, path: str) -> list[FieldError]:
    """What a probe or hook does: one thing, and that completely."""
    given = [name for name in _HANDLERS if handler.get(name) is not None]
    if not given:
        return [errors.required(path, "must specify a handler type")]
    found: list[FieldError] = []
    first = handler[given[0]]
    if given[0] == "exec" and not first.get("command"):
        found.append(errors.required(f"{path}.exec.command"))
    if given[0] in {"httpGet", "tcpSocket", "grpc"}:
        port = first.get("port")
        if isinstance(port, int):
            found.extend(check_port_number(f"{path}.{given[0]}.port", port))
    detail = "may not specify more than 1 handler type"
    found.extend(errors.forbidden(f"{path}.{name}", detail) for name in given[1:])
    return found
