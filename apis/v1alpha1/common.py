"""What the specifications of all job kinds have in common."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias

import attrs

from apis.v1alpha1.environment import Environment, reserved
from apis.v1alpha1.refusal import not_supported
from apis.v1alpha1.values import ObjectName, Quantity, Seconds, ShortName, Uri, matches
from mlctl_core.objects.resource import Column, Rule, Schema, rules

__all__ = [
    "JOB_COLUMNS",
    "JOB_RULES",
    "WITHOUT_PODS",
    "Checkpoint",
    "CleanPodPolicy",
    "ConfigMapSource",
    "DatasetRef",
    "GitSource",
    "JobSpec",
    "Source",
    "Storage",
    "fixed_while_pods_exist",
]

# A ConfigMap holds 1 MiB: 15 files of 64 Ki characters leave room for their names.
_MAX_FILES = 15
_MAX_FILE_LENGTH = 64 * 1024

# More attempts than that are a loop, not a retry.
_Limit: TypeAlias = Annotated[int, Schema(format="int32", minimum=0, maximum=1000)]

CleanPodPolicy: TypeAlias = Literal["None", "Running", "All"]
"""Which pods are deleted when a job ends."""


@attrs.frozen(kw_only=True)
class ConfigMapSource:
    """Code from a ConfigMap in the job's namespace, a file per key."""

    name: ObjectName
    """Name of the ConfigMap."""


@attrs.frozen(kw_only=True)
class GitSource:
    """Code from a git repository."""

    url: Annotated[
        Uri,
        Schema(
            rules=(
                matches(
                    "^(https?://[^@]+|ssh://[^:@]+(@[^@]+)?(:[0-9]+)?(/[^@]*)?)$",
                    "a repository is at https://, http:// or ssh://, without a password: put "
                    "that into secret",
                ),
            )
        ),
    ]
    """Address of the repository: https, http or ssh."""
    ref: Annotated[str | None, Schema(max_length=256, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")] = (
        None
    )
    """Branch, tag or commit; absent means the default branch."""
    subdirectory: Annotated[
        str | None,
        Schema(
            max_length=1024,
            pattern=r"^[A-Za-z0-9._/-]+$",
            rules=(
                Rule(
                    "!self.startsWith('/') && !self.split('/').exists(part, part == '..')",
                    "a subdirectory is a path within the repository, without ..",
                ),
            ),
        ),
    ] = None
    """The directory of the repository that is the code; absent means all of it."""
    secret: ObjectName | None = None
    """Secret in the namespace with username and password, or ssh-privatekey and known_hosts."""


@rules(
    Rule(
        "[has(self.inline), has(self.configMap), has(self.git), has(self.uri)]"
        ".filter(given, given).size() == 1",
        "a source is exactly one of inline, configMap, git and uri",
    ),
)
@attrs.frozen(kw_only=True)
class Source:
    """Where the code comes from; exactly one of the fields is set."""

    inline: Annotated[
        Mapping[str, Annotated[str, Schema(max_length=_MAX_FILE_LENGTH)]],
        Schema(
            min_properties=1,
            max_properties=_MAX_FILES,
            rules=(
                Rule(
                    "self.all(file, file.matches('^[-._a-zA-Z0-9]{1,253}$')"
                    " && file != '.' && !file.startsWith('..'))",
                    "a file name has 1 to 253 of the characters -._a-zA-Z0-9"
                    " and does not begin with two dots",
                ),
            ),
        ),
    ] = MappingProxyType({})
    """The code itself, text by file name."""
    config_map: ConfigMapSource | None = None
    """A ConfigMap in the job's namespace whose keys are the files."""
    git: GitSource | None = None
    """A git repository, checked out before the job starts; the commit is recorded."""
    uri: Annotated[
        Uri | None,
        Schema(
            rules=(
                matches(
                    "^(hdfs|s3|https?)://[^@]+$",
                    "an archive is at hdfs://, s3://, https:// or http://, without user and "
                    "password: put those into an Identity",
                ),
            )
        ),
    ] = None
    """An archive (zip, tar, tar.gz) or one file at an hdfs, s3 or http address, unpacked before
    the job starts."""


@attrs.frozen(kw_only=True)
class DatasetRef:
    """A dataset that the job reads or writes."""

    name: ObjectName
    """Name of the Dataset in the job's namespace."""
    as_: Annotated[
        str | None,
        Schema(name="as", max_length=63, pattern=r"^[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?$"),
    ] = None
    """What the job calls it: the path is in MLCTL_DATASET_<AS>. Absent means the name."""


@attrs.frozen(kw_only=True)
class Checkpoint:
    """Where a job keeps what it needs to go on after an interruption."""

    path: Annotated[str | None, Schema(min_length=1, max_length=2048)] = None
    """A directory or URI that the job writes to."""
    claim: ObjectName | None = None
    """A PersistentVolumeClaim in the job's namespace."""
    grace_seconds: Seconds | None = None
    """How long the job may take to write a checkpoint when it is stopped."""


@attrs.frozen(kw_only=True)
class Storage:
    """A volume of the job's own."""

    size: Quantity
    """How much it holds."""
    class_name: ObjectName | None = None
    """The storage class; absent means the cluster's default."""


@rules(
    not_supported("queue", "the job starts when a node has room for it"),
    not_supported("checkpoint"),
    not_supported("storage", "and choose a size with enough ephemeralStorage"),
    # It would open every GPU of the node to the pod, whatever was asked for.
    reserved(("NVIDIA_VISIBLE_DEVICES",)),
)
@attrs.frozen(kw_only=True)
class JobSpec:
    """What all kinds of jobs specify."""

    framework: ShortName
    """Name of the Framework that the job runs in."""
    size: ShortName
    """Name of the Size that each pod of the job gets."""
    identity: ObjectName | None = None
    """Name of the Identity in the namespace that the job acts as. It waits until that is ready."""
    entrypoint: Annotated[str, Schema(min_length=1, max_length=512)]
    """What is run."""
    args: Annotated[tuple[Annotated[str, Schema(max_length=4096)], ...], Schema(max_items=256)] = ()
    """Arguments of the entrypoint."""
    env: Environment = ()
    """Environment variables."""
    dependencies: Annotated[
        tuple[Annotated[str, Schema(min_length=1, max_length=512)], ...], Schema(max_items=128)
    ] = ()
    """What is installed before the entrypoint runs."""
    source: Source | None = None
    """Where the code comes from; without it the entrypoint is in the framework or a dependency."""
    datasets: Annotated[
        tuple[DatasetRef, ...], Schema(max_items=32, list_type="map", list_map_keys=("name",))
    ] = ()
    """Datasets in the namespace that the job reads or writes. It waits until they are there."""
    queue: ShortName | None = None
    """Name of the Queue that admits the job. Not supported yet."""
    priority_class_name: ObjectName | None = None
    """PriorityClass of the job's pods."""
    suspend: bool = False
    """Whether the job is held: its pods are deleted, and made anew when this is false again."""
    backoff_limit: _Limit = 0
    """How often the job is started again after its own failures: any exit code but 0."""
    infra_backoff_limit: _Limit = 3
    """How often the job is started again after failures that are not its own, such as evictions."""
    active_deadline_seconds: Seconds | None = None
    """How long the job may run, waiting not counted; then it fails."""
    start_deadline_seconds: Seconds | None = None
    """How long the job may take from its admission until it runs; then it fails."""
    ttl_seconds_after_finished: Annotated[
        int | None, Schema(format="int64", minimum=0, maximum=2**31 - 1)
    ] = None
    """How long after its end the job is deleted; absent means never."""
    clean_pod_policy: CleanPodPolicy = "Running"
    """Which pods are deleted when the job ends: None and Running delete those that have not ended,
    All deletes every one. A pod that is kept keeps its log."""
    checkpoint: Checkpoint | None = None
    """Where the job keeps what it needs to go on after an interruption. Not supported yet."""
    storage: Storage | None = None
    """A volume of the job's own. Not supported yet."""


WITHOUT_PODS = (
    "!has(oldSelf.status) || !has(oldSelf.status.phase)"
    " || oldSelf.status.phase in ['Pending', 'Queued', 'Suspended']"
)
"""A CEL condition on a whole job that changes: it has no pods, as its own status says."""


def fixed_while_pods_exist(*fields: str) -> tuple[Rule, ...]:
    """Rules for a whole job: these fields of its spec change only while it has no pods.

    That is before the first pod and while the job is suspended, as its own status says. A job that
    ended is not among them: it never runs again.
    """
    return tuple(
        Rule(
            f"{WITHOUT_PODS} || (has(self.spec.{field}) ? has(oldSelf.spec.{field})"
            f" && self.spec.{field} == oldSelf.spec.{field} : !has(oldSelf.spec.{field}))",
            f"{field} may change only while the job waits or is suspended: "
            "suspend it first, or delete it and apply it again",
            field_path=f".spec.{field}",
            reason="FieldValueForbidden",
        )
        for field in fields
    )


# Types of the conditions that say for good how a job ended, in a status that CEL calls `of`.
_ENDED_BY = (
    "{of}.status.conditions.map(condition, condition.type in ['Succeeded', 'Failed']"
    " && condition.status == 'True', condition.type)"
)
_WAS, _IS = _ENDED_BY.format(of="oldSelf"), _ENDED_BY.format(of="self")

JOB_RULES = (
    Rule(
        "size(self.metadata.name) <= 40 && self.metadata.name.matches("
        "'^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
        "the name of a job has at most 40 of the characters a-z, 0-9 and - "
        "and begins and ends with a letter or digit: choose such a name",
        field_path=".metadata.name",
    ),
    Rule(
        "!has(oldSelf.status) || !has(oldSelf.status.phase)"
        " || !(oldSelf.status.phase in ['Succeeded', 'Failed'])"
        " || (has(self.status) && has(self.status.phase)"
        " && self.status.phase == oldSelf.status.phase)",
        "a job that ended never runs again: delete it and apply it again",
        field_path=".status.phase",
        reason="FieldValueForbidden",
    ),
    Rule(
        f"!has(oldSelf.status) || !has(oldSelf.status.conditions) || {_WAS}.size() == 0"
        f" || (has(self.status) && has(self.status.conditions) && {_IS} == {_WAS})",
        "how a job ended stays true: delete it and apply it again",
        field_path=".status.conditions",
        reason="FieldValueForbidden",
    ),
    *fixed_while_pods_exist(
        "framework",
        "size",
        "identity",
        "entrypoint",
        "args",
        "env",
        "dependencies",
        "source",
        "datasets",
        "checkpoint",
        "storage",
    ),
)
"""Rules that hold for every kind of job, for ``@resource(rules=...)``."""

JOB_COLUMNS = (
    Column("Phase", "string", ".status.phase", "Where the job is in its life"),
    Column("Size", "string", ".spec.size", "Size of the job's pods"),
    Column("Queue", "string", ".spec.queue", "Queue that admits the job", 1),
    Column("Reason", "string", ".status.reason", "Why the job is in its phase"),
    Column("Restarts", "integer", ".status.restarts", "Starts after failures of its own"),
    Column("Age", "date", ".metadata.creationTimestamp", "Time since it was created"),
)
"""Columns that ``kubectl get`` shows for every kind of job."""
