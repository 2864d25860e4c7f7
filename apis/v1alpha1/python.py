"""What the kinds whose pods run Python have in common: entrypoints and requirements."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from apis.v1alpha1.values import matches
from mlctl_core.objects.resource import Rule, Schema

__all__ = ["PYTHON_RULES", "PythonEntrypoint", "Requirements"]

# A file (with directories), a dotted module, or a module and a function after a colon.
_ENTRYPOINT = (
    r"^([A-Za-z0-9_][A-Za-z0-9_.-]*/)*[A-Za-z0-9_][A-Za-z0-9_.-]*\.py$"
    r"|^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*(:[A-Za-z_][A-Za-z0-9_]*)?$"
)

# What PEP 508 needs (names, extras, versions, markers, addresses) and nothing that a shell or a
# requirements file would read as more: no line break, no backslash, no $, no option.
_REQUIREMENT = r"^[A-Za-z0-9][A-Za-z0-9 ._,<>=!~;:()'\"@/+%#&?*\[\]-]*$"
_NO_REQUIREMENT = (
    "a dependency is one requirement (PEP 508), such as pandas>=2, without pip options"
)

PythonEntrypoint: TypeAlias = Annotated[
    str,
    Schema(
        min_length=1,
        max_length=512,
        rules=(
            matches(
                _ENTRYPOINT,
                "an entrypoint is a file of the source (train.py), a module (package.module) "
                "or a function of one (module:function): put arguments into args",
            ),
        ),
    ),
]
"""A file of the source, a module, or a function of one."""

Requirements: TypeAlias = Annotated[
    tuple[
        Annotated[
            str,
            Schema(
                min_length=1,
                max_length=512,
                rules=(
                    matches(_REQUIREMENT, _NO_REQUIREMENT),
                    Rule("!self.contains(' -')", _NO_REQUIREMENT),
                ),
            ),
        ],
        ...,
    ],
    Schema(max_items=128),
]
"""Requirements for pip."""

PYTHON_RULES = (
    Rule(
        "!self.entrypoint.endsWith('.py') || has(self.source)",
        "the entrypoint is a file, but there is no source to take it from: "
        "give the code by source.inline or source.configMap",
        field_path=".entrypoint",
    ),
    Rule(
        "!self.entrypoint.endsWith('.py') || !has(self.source) || !has(self.source.inline)"
        " || self.entrypoint in self.source.inline",
        "the entrypoint is no file of source.inline: add the file or name one that is there",
        field_path=".entrypoint",
    ),
    Rule(
        "!has(self.env) || !self.env.exists(variable, variable.name == 'PYTHONPATH')",
        "PYTHONPATH is set by the platform: put modules into source or dependencies",
        field_path=".env",
        reason="FieldValueForbidden",
    ),
)
"""Rules for the spec of a kind whose pods run Python."""
