"""JVMJob: runs a program for the Java virtual machine to its end, on one pod."""

from __future__ import annotations

from typing import Annotated

import attrs

from apis.v1alpha1.common import JOB_COLUMNS, JOB_RULES, JobSpec, fixed_while_pods_exist
from apis.v1alpha1.status import JobStatus
from apis.v1alpha1.values import matches
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Rule, Schema, resource, rules

__all__ = ["JVMJob", "JVMJobSpec"]

_CLASS = r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)*"
_JAR = r"([A-Za-z0-9_][A-Za-z0-9_.+-]*/)*[A-Za-z0-9_][A-Za-z0-9_.+-]*\.jar"

_PART = "[A-Za-z0-9_][A-Za-z0-9_.-]*"
_COORDINATE = rf"{_PART}:{_PART}:{_PART}(:{_PART})?"
_ADDRESS = r"https?://[^\s@]+"

# What would replace the class path and the program, read more options from a file, run a command,
# take memory beyond the size, or open a port to whoever finds it.
_REFUSED_OPTIONS = (
    r"^(-cp|-classpath|--class-path|--module-path|-p|-jar|-m|--module|--source|-version"
    r"|--version|-showversion|--show-version|-help|--help|-h|-X|-\?|--dry-run)([=:].*)?$"
    r"|^-XX:(Flags|VMOptionsFile|OnError|OnOutOfMemoryError)="
    r"|^-XX:-UseContainerSupport$"
    r"|^-(agentlib:jdwp|Xrunjdwp|Xdebug)"
    r"|^-Dcom\.sun\.management\.jmxremote"
)

_VARIABLES = "['CLASSPATH', 'JAVA_TOOL_OPTIONS', 'JDK_JAVA_OPTIONS', '_JAVA_OPTIONS']"


@rules(
    Rule(
        "!self.entrypoint.endsWith('.jar') || has(self.source)",
        "the entrypoint is a jar, but there is no source to take it from: give it by source, or "
        "name its main class and give the jar by dependencies",
        field_path=".entrypoint",
    ),
    Rule(
        "!has(self.mainClass) || self.entrypoint.endsWith('.jar')",
        "mainClass is a class of the jar that entrypoint names: put the class into entrypoint, "
        "or name a jar there",
        field_path=".mainClass",
    ),
    Rule(
        "!self.entrypoint.endsWith('.jar') || has(self.mainClass)"
        " || !has(self.dependencies) || size(self.dependencies) == 0",
        "a jar that is run by itself sees no dependencies: name its mainClass",
        field_path=".mainClass",
        reason="FieldValueRequired",
    ),
    Rule(
        f"!has(self.env) || !self.env.exists(variable, variable.name in {_VARIABLES})",
        "the variables by which a JVM takes options and its class path are the platform's: use "
        "jvmOptions, source and dependencies",
        field_path=".env",
        reason="FieldValueForbidden",
    ),
)
@attrs.frozen(kw_only=True)
class JVMJobSpec(JobSpec):
    """What a JVMJob runs and how."""

    entrypoint: Annotated[
        str,
        Schema(
            min_length=1,
            max_length=512,
            rules=(
                matches(
                    f"^({_CLASS}|{_JAR})$",
                    "an entrypoint is a main class (org.example.Main) or a jar of the source "
                    "(app.jar): put arguments into args",
                ),
            ),
        ),
    ]
    """What is run: a main class (org.example.Main), or a jar of the source (app.jar)."""
    main_class: Annotated[str | None, Schema(max_length=512, pattern=f"^{_CLASS}$")] = None
    """The class of the jar that is run; absent means the one that its manifest names."""
    jvm_options: Annotated[
        tuple[
            Annotated[
                str,
                Schema(
                    min_length=2,
                    max_length=1024,
                    pattern="^-",
                    rules=(
                        Rule(
                            f"!self.matches(r'{_REFUSED_OPTIONS}')",
                            "this option is the platform's to set: see entrypoint, dependencies "
                            "and size",
                            reason="FieldValueForbidden",
                        ),
                    ),
                ),
            ],
            ...,
        ],
        Schema(max_items=64),
    ] = ()
    """Options of the JVM, such as -Dname=value or -Xss4m. The heap is three quarters of the size's
    memory unless they say otherwise."""
    dependencies: Annotated[
        tuple[
            Annotated[
                str,
                Schema(
                    min_length=1,
                    max_length=512,
                    rules=(
                        matches(
                            f"^({_COORDINATE}|{_ADDRESS})$",
                            "a dependency is a Maven coordinate (group:artifact:version) or the "
                            "http(s) address of a jar",
                        ),
                    ),
                ),
            ],
            ...,
        ],
        Schema(max_items=128),
    ] = ()
    """Jars that are got before the entrypoint runs: Maven coordinates such as
    com.google.code.gson:gson:2.11.0, with all that they depend on, or addresses."""


@resource(
    group="mlctl.dev",
    version="v1alpha1",
    plural="jvmjobs",
    short_names=("jvmjob",),
    columns=JOB_COLUMNS,
    rules=(*JOB_RULES, *fixed_while_pods_exist("mainClass", "jvmOptions")),
)
@attrs.frozen(kw_only=True)
class JVMJob:
    """A run of a program for the Java virtual machine to its end.

    It names a framework, a size and the program; what became of it is in its status.
    """

    metadata: Metadata
    spec: JVMJobSpec
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
