"""What datasets bring into a pod, and what keeps a job that names some from starting.

Mount: a volume. Stage: a step copies the data before the program starts. Reference: the program
gets the address. In each case a variable says where it is.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import attrs

from apis.v1alpha1.dataset import Dataset
from apis.v1alpha1.status import LineageDataset
from controllers.jobs.job import Refusal
from controllers.jobs.pod.environment import WORK
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.steps import dataset_container
from controllers.jobs.pod.tools import REPORT, environment_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from controllers.jobs.job import Job
    from controllers.jobs.pod.tools import Tools
    from mlctl_core.objects.json import Json
    from mlctl_core.reconcile.view import View

DIRECTORY = "/mlctl/datasets"

_UNUSUAL = re.compile(r"[^A-Za-z0-9._=-]+")
_MAX_FILE_NAME = 200
"""Of 255 bytes; a copy that is not complete has a longer one."""


@attrs.frozen
class Named:
    """A dataset as one job calls it."""

    dataset: Dataset
    called: str
    """What follows ``as:``, or its name."""
    index: int
    """Its place in the job's list."""

    @property
    def variable(self) -> str:
        """The variable that says where it is."""
        return f"MLCTL_DATASET_{environment_name(self.called)}"

    @property
    def directory(self) -> str:
        """Where it is in the file system; of no use for one that is only referred to."""
        return self.dataset.spec.mount_path or f"{DIRECTORY}/{self.called}"

    @property
    def staged(self) -> str:
        """Where its copy is: a file or directory called like the last part of its address."""
        address = urlsplit(self.dataset.spec.uri)
        last = unquote(address.path).rstrip("/").rpartition("/")[2] or address.netloc
        name = _UNUSUAL.sub("_", last)[-_MAX_FILE_NAME:].lstrip(".") or "data"
        return f"{self.directory}/{name}"


def find_datasets(job: Job, view: View) -> tuple[Named, ...] | Refusal:
    """The datasets that a job names, in its order."""
    found: list[Named] = []
    for index, reference in enumerate(job.spec.datasets):
        dataset = view.get(Dataset, reference.name)
        if dataset is None:
            return _not_found(job, reference.name, (known.name for known in view.list(Dataset)))
        found.append(Named(dataset, reference.as_ or reference.name, index))
    return _unsuitable(job, found) or tuple(found)


def dataset_parts(datasets: Iterable[Named], identity: Parts, tools: Tools) -> Parts:
    """What the datasets bring into a pod; steps that copy get the mounts of the ``identity``."""
    parts = Parts()
    for named in datasets:
        mode = named.dataset.mode
        if mode == "Mount":
            parts += _mounted(named)
        elif mode == "Stage":
            parts += _staged(named, identity, tools)
        else:
            parts += Parts(env=[{"name": named.variable, "value": named.dataset.spec.uri}])
    return parts


def lineage(datasets: Iterable[Named]) -> tuple[LineageDataset, ...]:
    """The datasets as a job's status records them."""
    return tuple(
        LineageDataset(
            name=named.dataset.name,
            uri=named.dataset.spec.uri,
            version=named.dataset.spec.version or _hash(named.dataset),
        )
        for named in datasets
    )


def _hash(dataset: Dataset) -> str | None:
    return f"sha256:{dataset.spec.sha256}" if dataset.spec.sha256 else None


def _mounted(named: Named) -> Parts:
    spec, volume = named.dataset.spec, f"dataset-{named.index}"
    address = urlsplit(spec.uri)
    claim = {"claimName": address.netloc, "readOnly": spec.read_only}
    mount: Json = {"name": volume, "mountPath": named.directory, "readOnly": spec.read_only}
    if path := address.path.strip("/"):
        mount["subPath"] = path
    return Parts(
        env=[{"name": named.variable, "value": named.directory}],
        volumes=[{"name": volume, "persistentVolumeClaim": claim}],
        mounts=[mount],
    )


def _staged(named: Named, identity: Parts, tools: Tools) -> Parts:
    spec, volume = named.dataset.spec, f"dataset-{named.index}"
    mount = {"name": volume, "mountPath": named.directory}
    arguments = ("copy", spec.uri, named.staged, spec.sha256 or "", REPORT)
    step: Json = {
        "name": dataset_container(named.index, named.called),
        "command": tools.command("fetch", *arguments),
        "volumeMounts": [
            {"name": "work", "mountPath": WORK},
            mount,
            *identity.mounts,
            *tools.mounts,
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    return Parts(
        env=[{"name": named.variable, "value": named.staged}],
        volumes=[{"name": volume, "emptyDir": {}}],
        mounts=[{**mount, "readOnly": spec.read_only}],
        init_containers=[step],
    )


def _not_found(job: Job, name: str, known: Iterable[str]) -> Refusal:
    close = get_close_matches(name, sorted(known))
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    message = (
        f"spec.datasets: there is no Dataset named {name} in namespace "
        f"{job.metadata.namespace}.{hint} The job starts as soon as there is."
    )
    return Refusal("DatasetNotFound", message)


def _unsuitable(job: Job, found: Sequence[Named]) -> Refusal | None:
    variables: dict[str, str] = {}
    directories: dict[str, str] = {}
    for named in found:
        name, wanted = named.dataset.name, named.dataset.spec.identity
        if wanted and wanted != job.spec.identity:
            instead = f"which is not {job.spec.identity}" if job.spec.identity else "set that"
            message = f"spec.identity: dataset {name} is read as identity {wanted}: {instead}."
            return Refusal("DatasetUnsuitable", message)
        other = variables.setdefault(named.variable, name)
        if other != name:
            message = (
                f"spec.datasets: {other} and {name} would both be {named.variable}: "
                "give one another name by as."
            )
            return Refusal("DatasetUnsuitable", message)
        if named.dataset.mode == "Reference":
            continue
        other = directories.setdefault(named.directory, name)
        if other != name:
            message = (
                f"spec.datasets: {other} and {name} would both be at {named.directory}: "
                "change mountPath of one."
            )
            return Refusal("DatasetUnsuitable", message)
    return None
