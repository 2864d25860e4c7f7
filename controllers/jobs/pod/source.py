"""The code of a job: where it comes from, and whether the entrypoint is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs import names
from controllers.jobs.job import Refusal
from controllers.jobs.pod import entrypoint
from controllers.jobs.pod.environment import CODE
from controllers.jobs.pod.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from controllers.jobs.facts import SourceFiles
    from controllers.jobs.job import Job, JobKind
    from mlctl_core.objects.json import Json

MAX_BYTES = 2**20
"""What a ConfigMap holds. The API counts a file's characters, which may have four bytes each."""


def config_map_name(job: Job, kind: JobKind) -> str | None:
    """The ConfigMap that holds the job's code; None for a job without code of its own."""
    source = job.spec.source
    if source is None or source.git or source.uri:
        return None
    if source.config_map:
        return source.config_map.name
    return names.code_name(kind.short_name, job.metadata.name)


def parts(job: Job, kind: JobKind) -> Parts:
    """The code as a directory of every pod."""
    config_map = config_map_name(job, kind)
    if config_map is None:
        return Parts()
    return Parts(
        volumes=[{"name": "code", "configMap": {"name": config_map}}],
        mounts=[{"name": "code", "mountPath": CODE, "readOnly": True}],
    )


def code(job: Job, kind: JobKind) -> list[Json]:
    """The ConfigMap of inline code, as a list to apply: empty when there is none to make."""
    source = job.spec.source
    if source is None or not source.inline:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": names.code_name(kind.short_name, job.metadata.name),
                "namespace": job.metadata.namespace,
                "labels": names.job_labels(
                    kind.kind.name, job.metadata.name, job.metadata.annotations
                ),
            },
            "data": dict(source.inline),
        }
    ]


def refusal(job: Job, found: SourceFiles | None) -> Refusal | None:
    """Why the job's code cannot be run; None when nothing is known against it.

    ``found`` is what the job's ConfigMap holds, for a source of that sort; without it there
    is nothing to check.
    """
    source = job.spec.source
    if source is None or source.git or source.uri:
        return None
    if source.config_map is None:
        return _too_large(source.inline) or _missing(
            job.spec.entrypoint, source.inline, "spec.source.inline"
        )
    if found is None or found.config_map != source.config_map.name:
        return None
    if found.files is None:
        return Refusal(
            "SourceNotFound",
            f"spec.source.configMap: there is no ConfigMap named {found.config_map} in namespace "
            f"{job.metadata.namespace}. Create it, or name one that exists.",
        )
    return _missing(job.spec.entrypoint, found.files, f"ConfigMap {found.config_map}")


def _too_large(files: Mapping[str, str]) -> Refusal | None:
    size = sum(len(text.encode()) for text in files.values())
    if size <= MAX_BYTES:
        return None
    return Refusal(
        "SourceTooLarge",
        f"spec.source.inline: the files have {size} bytes together, and {MAX_BYTES} is what a "
        "ConfigMap holds: give the code by spec.source.git or spec.source.uri.",
    )


def _missing(wanted: str, files: Iterable[str], where: str) -> Refusal | None:
    present = sorted(files)
    missing = entrypoint.missing_file(wanted, present)
    if missing is None:
        return None
    have = ", ".join(present) or "no files"
    return Refusal(
        "EntrypointNotFound",
        f"spec.entrypoint: {missing} is not in {where}, which has {have}. "
        "Add the file, or name one that is there.",
    )
