"""What Spark says when it cannot even begin: libraries and programs that are not to be had.

Spark gets both by itself before it runs anything, in the driver's own container, so that nothing
but its words tells such a failure from one of the program.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from controllers.jobs.pod import steps
from controllers.jobs.pod.environment import CODE
from controllers.spark import driver

if TYPE_CHECKING:
    from apis.v1alpha1.sparkjob import SparkJob
    from controllers.jobs.life.outcome import Outcome

_UNRESOLVED = re.compile(
    r"(?:unresolved dependency|download failed): "
    r"([^#\s]{1,200})#([^;\s]{1,200});([^:!,\s\]]{1,100})"
)
"""Ivy's words in the exception of MavenUtils.resolveMavenCoordinates."""
_THROWN = re.compile(r'Exception in thread "main" ([^\r\n]{1,600})')
_NO_ANSWER = "Server access error"
_OF_LIBRARIES = "DependencyUtils$.downloadFileList"
_OF_THE_PROGRAM = "DependencyUtils$.downloadFile("
_NO_SUCH_FILE = "java.io.FileNotFoundException"
_NO_CLASS = re.compile(r"^Error: Failed to load class ([^\s]{1,512})\.$", re.MULTILINE)
_NO_MAIN_CLASS = ("Failed to get main class in JAR", "No main class set in JAR")
_MAX_NAMED = 3


def explained(job: SparkJob, outcome: Outcome, output: str) -> Outcome:
    """``outcome`` with its cause, where Spark could not get what it was to run."""
    thrown = _THROWN.search(output)
    words = thrown[1] if thrown else ""
    if missing := _UNRESOLVED.findall(words):
        return _without_libraries(outcome, missing, output)
    if thrown and _OF_LIBRARIES in output:
        message = f"spec.dependencies: one could not be got. {_said(output)}"
        return attrs.evolve(outcome, reason="DependencyFailed", message=message)
    if thrown and _OF_THE_PROGRAM in output and not words.startswith(_NO_SUCH_FILE):
        message = f"spec.entrypoint: {job.spec.entrypoint} could not be got. {_said(output)}"
        return attrs.evolve(outcome, reason="SourceFailed", message=message)
    return _without_program(job, outcome, output, words)


def _without_libraries(
    outcome: Outcome, missing: list[tuple[str, str, str]], output: str
) -> Outcome:
    if _NO_ANSWER in output:
        cause = (
            "the repository of libraries did not answer. Apply the job again later, or ask who "
            "runs it."
        )
    else:
        named = ", ".join(":".join(coordinate) for coordinate in missing[:_MAX_NAMED])
        cause = f"Spark finds no {named}. Correct its name or its version."
    message = f"spec.dependencies: {cause} {_said(output)}"
    return attrs.evolve(outcome, reason="DependencyFailed", message=message)


def _without_program(job: SparkJob, outcome: Outcome, output: str, words: str) -> Outcome:
    entrypoint = job.spec.entrypoint
    path = driver.resource(entrypoint, CODE, job.spec.main_class or "").removeprefix("local://")
    gone = (
        f"can't open file '{path}'",
        f"jar {path} does not exist",
        f"file:{path} does not exist",
    )
    message = ""
    if any(each in output for each in gone) or words.startswith(f"{_NO_SUCH_FILE}: {path}"):
        message = f"spec.entrypoint: there is no {entrypoint}. Correct it, or put it there."
    elif any(each in words for each in _NO_MAIN_CLASS):
        message = f"spec.mainClass: {entrypoint} does not say which class is run: name it."
    elif found := _NO_CLASS.search(output):
        message = f"spec.mainClass: there is no class {found[1]} in {entrypoint}. Correct it."
    if not message:
        return outcome
    return attrs.evolve(outcome, reason="EntrypointNotFound", message=message)


def _said(output: str) -> str:
    """The last lines that say something, without where in Spark's code it happened."""
    lines = (line.strip() for line in output.splitlines())
    told = [line for line in lines if line.strip(":") and not line.startswith(("at ", "::"))]
    return f"It said: {steps.last_words(chr(10).join(told))}"
