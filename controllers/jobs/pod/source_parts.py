"""The code of a job from outside the cluster: a git repository or an archive, got by a step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.pod import containers
from controllers.jobs.pod.environment import CODE, WORK
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.tools import REPORT

if TYPE_CHECKING:
    from apis.v1alpha1.common import GitSource
    from controllers.jobs.job import Job
    from controllers.jobs.pod.tools import Tools
    from mlctl_core.objects.json import Json

CREDENTIALS = "/mlctl/source/credentials"
_CREDENTIALS_MODE = 0o440
COMMIT = "git:"
"""Begins the hash of code that is a commit."""


def source_parts(job: Job, identity: Parts, tools: Tools) -> Parts:
    """The step that gets the code and where it is put; nothing for code that is in the cluster.

    The step gets the mounts of the ``identity``. A commit that was recorded is what every later
    pod of the job gets, also if the branch has moved on.
    """
    source = job.spec.source
    if source is None or not (source.git or source.uri):
        return Parts()
    extra = Parts()
    if source.git:
        extra = _credentials(source.git)
        arguments = (
            source.git.url,
            recorded_commit(job) or source.git.ref or "",
            source.git.subdirectory or "",
            CODE,
            WORK,
            CREDENTIALS if source.git.secret else "",
            REPORT,
        )
        command = tools.command("checkout", *arguments)
    else:
        command = tools.command("fetch", "unpack", source.uri or "", CODE, "", REPORT)
    work, code = {"name": "work", "mountPath": WORK}, {"name": "code", "mountPath": CODE}
    step: Json = {
        "name": containers.SOURCE,
        "command": command,
        "volumeMounts": [work, code, *extra.mounts, *identity.mounts, *tools.mounts],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    return Parts(
        volumes=[{"name": "code", "emptyDir": {}}, *extra.volumes],
        mounts=[{**code, "readOnly": True}],
        init_containers=[step],
    )


def recorded_commit(job: Job) -> str:
    """The commit that pods of the job have got; empty before the first has."""
    lineage = job.status.lineage
    code = (lineage.code_hash if lineage else None) or ""
    return code.removeprefix(COMMIT) if code.startswith(COMMIT) else ""


def _credentials(git: GitSource) -> Parts:
    if not git.secret:
        return Parts()
    # A pod whose Secret is not there would wait for it without a word: the step says so instead.
    secret = {"secretName": git.secret, "defaultMode": _CREDENTIALS_MODE, "optional": True}
    return Parts(
        volumes=[{"name": "git-credentials", "secret": secret}],
        mounts=[{"name": "git-credentials", "mountPath": CREDENTIALS, "readOnly": True}],
    )
