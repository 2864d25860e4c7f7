"""The steps before a job's program: which one runs, which one failed, what they found.

All of it comes from the pod's status: a step that fails leaves its last lines there, one that
succeeds its result, so that no log has to be asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import attrs
import msgspec

from controllers.jobs.pod import containers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlctl_core.objects.core import Pod, Terminated

StepReason = Literal["IdentityFailed", "SourceFailed", "DependencyFailed", "DatasetFailed"]

_NO_LABEL = re.compile("[^a-z0-9]+")
_MAX_SLUG = 40
"""A container's name has at most 63 characters."""
_MAX_HASH = 64
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
    blame: Literal["application", "infrastructure"] = "application"
    """Whose restart budget a failure is taken from."""


KERBEROS = Step(
    containers.KERBEROS,
    "IdentityFailed",
    "gets the first Kerberos ticket of spec.identity",
    "GettingTicket",
    "Gets a Kerberos ticket",
    # The identity is ready, so it is the KDC that does not answer or will not have it.
    "infrastructure",
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


def step_of(container: str) -> Step | None:
    """The step that a container is; None for one that is none."""
    for step in (KERBEROS, SOURCE, DEPENDENCIES):
        if step.container == container:
            return step
    number = dataset_index(container)
    if number is None:
        return None
    name = container.removeprefix(containers.DATASET).partition("-")[2] or str(number)
    return Step(
        container,
        "DatasetFailed",
        f"copies dataset {name}",
        "StagingDatasets",
        f"Copies dataset {name}",
    )


def dataset_container(index: int, name: str) -> str:
    """The name of the step that copies a dataset: its place in the job's list, and what it is."""
    slug = _NO_LABEL.sub("-", name.lower()).strip("-")[:_MAX_SLUG].rstrip("-")
    return f"{containers.DATASET}{index}-{slug}".rstrip("-")


def dataset_index(container: str) -> int | None:
    """The place in the job's list of the dataset that a container copies; None for others."""
    rest = container.removeprefix(containers.DATASET)
    number = rest.partition("-")[0]
    return int(number) if rest != container and number.isdigit() else None


def steps_of(pod: Pod) -> Iterator[Step]:
    """The steps of a pod, in order."""
    for container in pod.spec.init_containers:
        if (step := step_of(container.name)) is not None:
            yield step


def failed(pod: Pod) -> tuple[Step, Terminated] | None:
    """The step that failed and how it ended; None when none did."""
    for step in steps_of(pod):
        ended = containers.ended(pod, step.container)
        if ended and ended.exit_code != 0:
            return step, ended
    return None


def last_end(pod: Pod) -> Terminated | None:
    """How the last step that has ended did so; None when none has."""
    ends = [containers.ended(pod, step.container) for step in steps_of(pod)]
    return next((end for end in reversed(ends) if end), None)


def current(pod: Pod) -> Step | None:
    """The first step that has not ended; None when all have, or there are none."""
    for step in steps_of(pod):
        if containers.ended(pod, step.container) is None:
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
        index = dataset_index(step.container)
        if step is SOURCE and _is_hex(report.commit):
            found = attrs.evolve(found, commit=report.commit)
        elif step is DEPENDENCIES and _is_hex(report.dependencies.removeprefix("sha256:")):
            found = attrs.evolve(found, dependencies=report.dependencies)
        elif index is not None and _is_hex(report.sha256):
            found = attrs.evolve(found, datasets=(*found.datasets, (index, report.sha256)))
    return found


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= _MAX_HASH and all(c in "0123456789abcdef" for c in text)


def _report(message: str) -> _Report:
    try:
        return msgspec.json.decode(message.encode(), type=_Report)
    except (msgspec.DecodeError, RecursionError):
        return _Report()
