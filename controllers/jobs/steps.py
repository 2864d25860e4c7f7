"""The steps before a job's program: which one runs, which one failed, what they found.

All of it comes from the pod's status: a step that fails leaves its last lines there, one that
succeeds its result, so that no log has to be asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs
import msgspec

from controllers.jobs import containers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apis.v1alpha1.common import JobSpec
    from mlctl_core.objects.core import Pod, Terminated

StepReason = Literal["IdentityFailed", "SourceFailed", "DependencyFailed", "DatasetFailed"]

_LINES = 5
_TEXT = 600
"""Enough for last words, and small beside the rest of a status message."""


@attrs.frozen
class Step:
    """One of the steps that a pod may have."""

    container: str
    reason: StepReason
    """Of a job that fails by it."""
    what: str
    """It, as part of a sentence: ``the step that …``."""
    progress: str
    """Why a job waits while it runs, in one word."""
    doing: str
    """What it does, as the beginning of a sentence."""


KERBEROS = Step(
    containers.KERBEROS,
    "IdentityFailed",
    "gets the first Kerberos ticket of spec.identity",
    "GettingTicket",
    "Gets a Kerberos ticket",
)
SOURCE = Step(
    containers.SOURCE, "SourceFailed", "gets spec.source", "GettingSource", "Gets spec.source"
)
DEPENDENCIES = Step(
    containers.DEPENDENCIES,
    "DependencyFailed",
    "installs spec.dependencies",
    "InstallingDependencies",
    "Installs spec.dependencies",
)


def step_of(container: str, spec: JobSpec | None = None) -> Step | None:
    """The step that a container is; None for one that is none. ``spec`` names the datasets."""
    for step in (KERBEROS, SOURCE, DEPENDENCIES):
        if step.container == container:
            return step
    number = container.removeprefix(containers.DATASET)
    if number == container or not number.isdigit():
        return None
    name = ""
    if spec and int(number) < len(spec.datasets):
        name = f" {spec.datasets[int(number)].name}"
    return Step(
        container,
        "DatasetFailed",
        f"copies dataset{name}",
        "StagingDatasets",
        f"Copies dataset{name}",
    )


def steps_of(pod: Pod, spec: JobSpec | None = None) -> Iterator[Step]:
    """The steps of a pod, in order."""
    for container in pod.spec.init_containers:
        if (step := step_of(container.name, spec)) is not None:
            yield step


def failed(pod: Pod, spec: JobSpec | None = None) -> tuple[Step, Terminated] | None:
    """The step that failed and how it ended; None when none did."""
    for step in steps_of(pod, spec):
        ended = containers.ended(pod, step.container)
        if ended and ended.exit_code != 0:
            return step, ended
    return None


def current(pod: Pod, spec: JobSpec | None = None) -> Step | None:
    """The first step that has not ended; None when all have, or there are none."""
    for step in steps_of(pod, spec):
        ended = containers.ended(pod, step.container)
        if ended is None:
            return step
    return None


def last_words(text: str) -> str:
    """The end of a step's output in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-_LINES:])[-_TEXT:]


class _Report(msgspec.Struct):
    commit: str = ""
    dependencies: str = ""
    sha256: str = ""


@attrs.frozen
class Results:
    """What the steps of a pod found."""

    commit: str = ""
    dependencies: str = ""
    """Hash of all that was installed."""
    datasets: tuple[tuple[int, str], ...] = ()
    """The hash of each copied dataset, by its place in the job's list."""


def results(pod: Pod) -> Results:
    """What the steps that ended well have found so far.

    They come from the user's own containers: they say something about that user's job only, and
    what has not the right shape is left out.
    """
    found = Results()
    for step in steps_of(pod):
        ended = containers.ended(pod, step.container)
        if ended is None or ended.exit_code != 0:
            continue
        report = _report(ended.message)
        if step is SOURCE and _is_hex(report.commit):
            found = attrs.evolve(found, commit=report.commit)
        elif step is DEPENDENCIES and _is_hex(report.dependencies.removeprefix("sha256:")):
            found = attrs.evolve(found, dependencies=report.dependencies)
        elif step.reason == "DatasetFailed" and _is_hex(report.sha256):
            index = int(step.container.removeprefix(containers.DATASET))
            found = attrs.evolve(found, datasets=(*found.datasets, (index, report.sha256)))
    return found


_MAX_HASH = 64


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= _MAX_HASH and all(c in "0123456789abcdef" for c in text)


def _report(message: str) -> _Report:
    try:
        return msgspec.json.decode(message.encode(), type=_Report)
    except (msgspec.DecodeError, RecursionError):
        return _Report()
