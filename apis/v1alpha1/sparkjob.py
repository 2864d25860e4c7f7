"""SparkJob: runs a Spark application to its end, on a driver and the executors it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import attrs

from apis.v1alpha1.common import JOB_COLUMNS, JOB_RULES, JobSpec, fixed_while_pods_exist
from apis.v1alpha1.environment import reserved
from apis.v1alpha1.spark_conf import CONF_RULES
from apis.v1alpha1.status import JobStatus
from apis.v1alpha1.values import ShortName, matches
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Rule, Schema, resource, rules

__all__ = [
    "DynamicAllocation",
    "SparkDriver",
    "SparkExecutor",
    "SparkJob",
    "SparkJobSpec",
]

_MAX_EXECUTORS = 1024

_FILE = r"([A-Za-z0-9_][A-Za-z0-9_.+-]*/)*[A-Za-z0-9_][A-Za-z0-9_.+-]*\.(py|jar)"
_ADDRESS = r"(local|https?|hdfs|s3a|gs|abfss?|wasbs?)://[^\s,$]*\.(py|jar)"
_CLASS = r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*"

_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_COORDINATE = rf"{_PART}:{_PART}:{_PART}"
_LIBRARY = r"(local|https?|hdfs|s3a|gs|abfss?|wasbs?)://[^\s,$]*\.(jar|py|zip|egg)"
# What pip's own rule for the kinds of Python allows, without the colons of a coordinate.
_REQUIREMENT = r"[A-Za-z0-9][A-Za-z0-9 ._,<>=!~;()'\"@/+%#&?*\[\]-]*"

_Executors = Annotated[int, Schema(format="int32", minimum=1, maximum=_MAX_EXECUTORS)]


@attrs.frozen(kw_only=True)
class SparkDriver:
    """The process that runs the application's own code."""

    size: ShortName | None = None
    """Name of the Size of its pod; absent means the job's size. Its heap is what remains of the
    memory after Spark's overhead."""


@attrs.frozen(kw_only=True)
class SparkExecutor:
    """The processes that the driver asks for and gives work to."""

    size: ShortName | None = None
    """Name of the Size of each of their pods; absent means the job's size. The heap is what remains
    of the memory after Spark's overhead."""
    instances: _Executors = 1
    """How many there are; with dynamicAllocation, how many there are in the beginning."""


@rules(
    Rule(
        "self.min <= self.max",
        "min is above max: set min to at most max",
        field_path=".min",
    ),
)
@attrs.frozen(kw_only=True)
class DynamicAllocation:
    """How far the number of executors follows the work."""

    min: Annotated[int, Schema(format="int32", minimum=0, maximum=_MAX_EXECUTORS)] = 0
    """The fewest, when there is nothing to do."""
    max: _Executors
    """The most."""


@rules(
    Rule(
        "self.entrypoint.contains('://') || has(self.source)",
        "the entrypoint is a file, but there is no source to take it from: give the code by "
        "source, or an address such as local:///opt/app.jar for a file of the framework's image",
        field_path=".entrypoint",
    ),
    Rule(
        "self.entrypoint.contains('://') || !has(self.source) || !has(self.source.inline)"
        " || self.entrypoint in self.source.inline",
        "the entrypoint is no file of source.inline: add the file or name one that is there",
        field_path=".entrypoint",
    ),
    Rule(
        "!has(self.mainClass) || self.entrypoint.endsWith('.jar')",
        "mainClass is a class of a jar, and the entrypoint is none: remove it, or name a jar",
        field_path=".mainClass",
    ),
    Rule(
        "!has(self.dynamicAllocation) || !has(self.executor) || !has(self.executor.instances)"
        " || self.executor.instances <= self.dynamicAllocation.max",
        "there are more in the beginning than dynamicAllocation.max allows: lower it, or raise max",
        field_path=".executor.instances",
    ),
    reserved(
        ("PYTHONPATH", "SPARK_APPLICATION_ID", "SPARK_CONF_DIR", "SPARK_LOCAL_DIRS"),
        ("SPARK_DRIVER_", "SPARK_EXECUTOR_"),
    ),
)
@attrs.frozen(kw_only=True)
class SparkJobSpec(JobSpec):
    """What a SparkJob runs and how."""

    entrypoint: Annotated[
        str,
        Schema(
            min_length=1,
            max_length=512,
            rules=(
                matches(
                    f"^({_FILE}|{_ADDRESS})$",
                    "an entrypoint is a .py or .jar file of the source (count.py), or the address "
                    "of one (local, https, hdfs, s3a, gs, abfss): put arguments into args",
                ),
            ),
        ),
    ]
    """What is run: a .py or .jar file of the source (count.py, app.jar) or the address of one;
    local:///opt/app.jar is a file of the framework's image."""
    main_class: Annotated[str | None, Schema(max_length=512, pattern=f"^{_CLASS}$")] = None
    """The class of the jar that is run; absent means the one that its manifest names."""
    dependencies: Annotated[
        tuple[
            Annotated[
                str,
                Schema(
                    min_length=1,
                    max_length=512,
                    rules=(
                        matches(
                            f"^({_COORDINATE}|{_LIBRARY}|{_REQUIREMENT})$",
                            "a dependency is a Maven coordinate (group:artifact:version), the "
                            "address of a jar, .py, .zip or .egg file, or a requirement of pip",
                        ),
                        Rule("!self.contains(' -')", "a dependency has no options of pip"),
                    ),
                ),
            ],
            ...,
        ],
        Schema(max_items=128),
    ] = ()
    """What driver and executors need besides: Maven coordinates
    (org.postgresql:postgresql:42.7.4), addresses of jars or Python modules, and requirements that
    pip installs."""
    driver: SparkDriver = SparkDriver()
    """The driver."""
    executor: SparkExecutor = SparkExecutor()
    """The executors."""
    dynamic_allocation: DynamicAllocation | None = None
    """Lets the number of executors follow the work; absent means that it stays as it is."""
    conf: Annotated[
        Mapping[str, Annotated[str, Schema(max_length=4096)]],
        Schema(max_properties=128, rules=CONF_RULES),
    ] = MappingProxyType({})
    """Properties of Spark, such as spark.sql.shuffle.partitions. Those that decide where, as whom
    and with how much the application runs have fields of their own and are refused here."""


@resource(
    group="mlctl.dev",
    version="v1alpha1",
    plural="sparkjobs",
    short_names=("sparkjob",),
    columns=JOB_COLUMNS,
    rules=(
        *JOB_RULES,
        *fixed_while_pods_exist("driver", "executor", "dynamicAllocation", "conf", "mainClass"),
    ),
)
@attrs.frozen(kw_only=True)
class SparkJob:
    """A run of a Spark application to its end.

    The driver asks for its executors by itself; what became of the job is in its status.
    """

    metadata: Metadata
    spec: SparkJobSpec
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
