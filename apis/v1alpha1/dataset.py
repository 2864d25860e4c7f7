"""Dataset: data that jobs read or write, under a name."""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeAlias

import attrs

from apis.v1alpha1.values import Generation, MountPath, ObjectName, Uri, matches
from mlctl_core.objects.conditions import Conditions
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Column, Rule, Schema, resource, rules

__all__ = ["Dataset", "DatasetMode", "DatasetSpec", "DatasetStatus"]

DatasetMode: TypeAlias = Literal["Mount", "Stage", "Reference"]
"""How a dataset reaches a job."""

_SCHEMES = r"^(hdfs|s3|https?|pvc)://"
_CLAIM = (
    r"^pvc://[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
    r"(/\.?[A-Za-z0-9_][A-Za-z0-9._=-]*)*/?$"
)


@rules(
    Rule(
        "!has(self.mode) || (self.mode == 'Mount') == self.uri.startsWith('pvc://')",
        "mode Mount is for pvc:// and the only one for it: remove mode, or choose Stage or "
        "Reference for an address",
        field_path=".mode",
    ),
    Rule(
        "!has(self.sha256) || (has(self.mode) && self.mode == 'Stage')",
        "sha256 is verified of a file that is staged: set mode to Stage, or remove it",
        field_path=".sha256",
    ),
    Rule(
        "!has(self.mountPath) || self.uri.startsWith('pvc://')"
        " || (has(self.mode) && self.mode == 'Stage')",
        "a dataset that is only referred to is nowhere in the file system: set mode to Stage, or "
        "remove mountPath",
        field_path=".mountPath",
        reason="FieldValueForbidden",
    ),
    Rule(
        "!has(self.readOnly) || self.readOnly || self.uri.startsWith('pvc://')"
        " || (has(self.mode) && self.mode == 'Stage')",
        "whether an address can be written to is for its owner: remove readOnly",
        field_path=".readOnly",
        reason="FieldValueForbidden",
    ),
    Rule(
        "!(has(self.mode) && self.mode == 'Stage') || !self.uri.startsWith('http')"
        " || self.uri.matches('^https?://[^/]+/.*[^/]$')",
        "only a file can be staged from the web: let uri end with its name",
        field_path=".uri",
    ),
)
@attrs.frozen(kw_only=True)
class DatasetSpec:
    """Where the data is and how jobs get it."""

    uri: Annotated[
        Uri,
        Schema(
            rules=(
                matches(_SCHEMES, "a dataset is at hdfs://, s3://, https://, http:// or pvc://"),
                Rule(
                    f"!self.startsWith('pvc:') || self.matches({json.dumps(_CLAIM)})",
                    "the address of a volume is pvc://claim/path, of a PersistentVolumeClaim in "
                    "the namespace and a path without ..",
                ),
                Rule(
                    "self.startsWith('pvc:') || !self.matches('^[a-z0-9]+://[^/]*@')",
                    "everyone who reads a job reads its addresses: put user and password into "
                    "an Identity",
                    reason="FieldValueForbidden",
                ),
            )
        ),
    ]
    """hdfs://, s3:// or http(s):// address, or pvc://claim/path."""
    identity: ObjectName | None = None
    """Identity in the namespace that may read it; absent means that of the job."""
    mode: DatasetMode | None = None
    """Mount: a volume. Stage: copied before the job starts. Reference: the job gets the address.
    Absent means Mount for pvc:// and Reference for all others."""
    mount_path: MountPath | None = None
    """The directory it appears in; absent means /mlctl/datasets/<as>."""
    read_only: bool = True
    """Whether jobs cannot write to it."""
    version: Annotated[
        str | None, Schema(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]+$")
    ] = None
    """Which version of the data this is, for people and for the lineage of jobs."""
    sha256: Annotated[str | None, Schema(max_length=64, pattern="^[0-9a-f]{64}$")] = None
    """What the staged file must hash to, in lower case; a job fails otherwise."""


@attrs.frozen(kw_only=True)
class DatasetStatus:
    """What is known about a dataset."""

    observed_generation: Generation | None = None
    """The metadata.generation that the status was computed from."""
    conditions: Conditions = ()
    """State of the dataset."""


@resource(
    group="mlctl.dev",
    version="v1alpha1",
    plural="datasets",
    short_names=("ds",),
    columns=(
        Column("URI", "string", ".spec.uri", "Where it is"),
        Column("Mode", "string", ".spec.mode", "How jobs get it"),
        Column("Version", "string", ".spec.version", "Which version it is"),
        Column("Identity", "string", ".spec.identity", "Who may read it", 1),
        Column("Age", "date", ".metadata.creationTimestamp", "Time since it was created"),
    ),
)
@attrs.frozen(kw_only=True)
class Dataset:
    """Data under a name: jobs say what they read, and not where it is or how it is reached."""

    metadata: Metadata
    spec: DatasetSpec
    """Where the data is and how jobs get it."""
    status: DatasetStatus = DatasetStatus()
    """What is known about it."""

    @property
    def name(self) -> str:
        """What jobs write into ``datasets``."""
        return self.metadata.name

    @property
    def mode(self) -> DatasetMode:
        """How jobs get it, also where that is not said."""
        if self.spec.mode:
            return self.spec.mode
        return "Mount" if self.spec.uri.startswith("pvc://") else "Reference"
