"""PythonJob: runs Python code to its end, on one pod."""

from __future__ import annotations

from typing import Annotated

import attrs

from apis.v1alpha1.common import JOB_COLUMNS, JOB_RULES, JobSpec, fixed_while_pods_exist
from apis.v1alpha1.refusal import not_supported
from apis.v1alpha1.status import JobStatus
from apis.v1alpha1.values import matches
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Rule, Schema, resource, rules

__all__ = ["Elastic", "PythonJob", "PythonJobSpec"]

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

_Replicas = Annotated[int, Schema(format="int32", minimum=1, maximum=1024)]


@attrs.frozen(kw_only=True)
class Elastic:
    """How far the number of replicas may move while the job runs."""

    min: _Replicas
    """The fewest."""
    max: _Replicas
    """The most."""


@rules(
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
    Rule(
        "!has(self.replicas) || self.replicas == 1",
        "replicas above 1 are not supported by this version: set it to 1 or remove it",
        field_path=".replicas",
        reason="FieldValueForbidden",
    ),
    not_supported("processesPerReplica", "and start processes in the code"),
    not_supported("elastic"),
)
@attrs.frozen(kw_only=True)
class PythonJobSpec(JobSpec):
    """What a PythonJob runs and how."""

    entrypoint: Annotated[
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
    """What is run: a file of the source (train.py), a module (package.module) or a function of one
    (module:function)."""
    dependencies: Annotated[
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
    ] = ()
    """Requirements that pip installs before the entrypoint runs, such as pandas>=2."""
    replicas: _Replicas = 1
    """Number of pods. More than 1 is not supported yet."""
    processes_per_replica: Annotated[
        int | str | None,
        Schema(int_or_string=True, max_length=4, pattern="^auto$", minimum=1, maximum=64),
    ] = None
    """Processes in each pod, or auto for one per GPU. Not supported yet."""
    elastic: Elastic | None = None
    """Lets the number of replicas move while the job runs. Not supported yet."""


@resource(
    group="mlctl.dev",
    version="v1alpha1",
    plural="pythonjobs",
    short_names=("pyjob",),
    columns=JOB_COLUMNS,
    rules=(
        *JOB_RULES,
        *fixed_while_pods_exist("replicas", "processesPerReplica", "elastic"),
    ),
)
@attrs.frozen(kw_only=True)
class PythonJob:
    """A run of Python code to its end.

    It names a framework, a size and the code; what became of it is in its status.
    """

    metadata: Metadata
    spec: PythonJobSpec
    """What is run and how."""
    status: JobStatus = attrs.field(factory=JobStatus)
    """Where the job is, how it got there and what it used."""

    @property
    def name(self) -> str:
        """Name of the job."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Namespace of the job."""
        return self.metadata.namespace
