"""The commands of steps that get a job's things: which program an image can run, and how.

Images of the Python families run a program's text by their Python. Those with a Java runtime alone
have neither that nor a compiler: they run a class, which a ConfigMap brings along. Promises that
what users wrote travels as whole arguments, never as syntax, and that nothing is needed of the
image but its language and what a message names.
"""

from __future__ import annotations

import base64
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal

import attrs

from controllers import jvm
from controllers.jobs.pod import programs
from controllers.jobs.pod.parts import Parts

if TYPE_CHECKING:
    from apis.v1alpha1.framework import FrameworkType
    from mlctl_core.objects.json import Json

REPORT = "/dev/termination-log"
"""Where a step leaves its result: it comes back in the pod's status, without a request for it."""

Program = Literal["checkout", "fetch", "install", "renew"]
"""One of `programs`."""

_PYTHON = ("python", "-u", "-c")

_CLASS = "Steps"
_CLASSES = "/mlctl/tools"
# A step is over in seconds, or sleeps: the smallest of everything.
_JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k", "-cp", _CLASSES)
_JAVA_HEAP = "-Xmx64m"
_JAVA_SLEEPER_HEAP = "-Xmx8m"

_WITHOUT_PYTHON = frozenset(("JVM", "Spark"))

TOOLS_SUFFIX = "-tools"
"""Ends the name of the ConfigMap with the class."""


@attrs.frozen
class Tools:
    """What the steps of one job are made with."""

    config_map: str = ""
    """The ConfigMap with the class; empty where Python does it."""

    @property
    def are_java(self) -> bool:
        """Whether the image is taken to have Java and no Python."""
        return bool(self.config_map)

    def command(self, program: Program, *arguments: str) -> list[str]:
        """Run a program; a step that does must have `mounts`."""
        if not self.are_java:
            return [*_PYTHON, *map(literal, (text(program), *arguments))]
        # The class calls by its own name what `fetch` is told by its first argument.
        mode = () if program == "fetch" else (_JAVA_MODES.get(program, program),)
        sleeps = arguments[:1] == ("keep",)
        heap = _JAVA_SLEEPER_HEAP if sleeps else _JAVA_HEAP
        return [*_JAVA, heap, _CLASS, *map(literal, (*mode, *arguments))]

    @property
    def mounts(self) -> tuple[Json, ...]:
        """What a step needs to run a program."""
        if not self.are_java:
            return ()
        return ({"name": "tools", "mountPath": _CLASSES, "readOnly": True},)

    @property
    def parts(self) -> Parts:
        """What a pod needs whose steps run programs."""
        if not self.are_java:
            return Parts()
        return Parts(volumes=[{"name": "tools", "configMap": {"name": self.config_map}}])

    @property
    def memory(self) -> str:
        """What a program needs that mostly sleeps."""
        return "64Mi" if self.are_java else "32Mi"


_JAVA_MODES: dict[Program, str] = {"install": "jars"}


def tools_of(framework: FrameworkType, prefix: str) -> Tools:
    """What steps in images of that family are made with; ``prefix`` begins the job's names."""
    return Tools(f"{prefix}{TOOLS_SUFFIX}" if framework in _WITHOUT_PYTHON else "")


def config_map(tools: Tools, namespace: str, labels: Json) -> Json:
    """The ConfigMap with the class."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": tools.config_map, "namespace": namespace, "labels": labels},
        "binaryData": {f"{_CLASS}.class": java_class()},
    }


@cache
def text(program: Program) -> str:
    """A program as it is written."""
    return resources.files(programs).joinpath(f"{program}.py").read_text(encoding="utf-8")


@cache
def java_class() -> str:
    """The class, as a ConfigMap holds it."""
    raw = resources.files(jvm).joinpath(f"{_CLASS}.class").read_bytes()
    return base64.b64encode(raw).decode()


def literal(argument: str) -> str:
    """The argument as a kubelet passes it on unchanged: ``$(NAME)`` in a command is a variable."""
    return argument.replace("$", "$$")


def environment_name(word: str) -> str:
    """The word as part of a variable's name: upper case, and ``_`` for what is not allowed."""
    return "".join(c if c.isalnum() else "_" for c in word).upper()
