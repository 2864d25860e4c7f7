"""Rules for what the schema holds but no controller acts on yet.

Such a field is refused when it is set: a job that silently ran without its identity or its queue
would be worse than one that does not run.
"""

from __future__ import annotations

from mlctl_core.objects.resource import Rule

__all__ = ["not_supported"]


def not_supported(field: str, instead: str = "") -> Rule:
    """Refuse an object that sets `field` (its JSON name), saying what to do `instead`."""
    fix = f"remove it, {instead}" if instead else "remove it"
    return Rule(
        f"!has(self.{field})",
        f"{field} is not supported by this version: {fix}",
        field_path=f".{field}",
        reason="FieldValueForbidden",
    )
