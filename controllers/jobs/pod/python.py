"""What a pod runs in the kinds whose users write Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.job import Program
from controllers.jobs.pod import containers, entrypoint
from controllers.jobs.pod.environment import CODE, DEPENDENCIES, WORK
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.tools import REPORT

if TYPE_CHECKING:
    from apis.v1alpha1.common import JobSpec
    from apis.v1alpha1.status import PinnedFramework
    from controllers.jobs.job import Replica
    from controllers.jobs.pod.tools import Tools
    from mlctl_core.objects.json import Json

_PATH = "PYTHONPATH"


def program(replica: Replica) -> Program:
    """The job's entrypoint, with its dependencies installed before."""
    framework, spec = replica.material.pins.framework, replica.job.spec
    interpreter = framework.command or entrypoint.DEFAULT_INTERPRETER
    return Program(
        command=tuple(entrypoint.command(spec.entrypoint, spec.args, interpreter)),
        env=(search_path(framework),),
        parts=requirements(spec, replica.material.inputs.tools),
    )


def search_path(framework: PinnedFramework) -> Json:
    """PYTHONPATH, by which code and dependencies are found; the framework's own comes last."""
    own = [variable.value for variable in framework.env if variable.name == _PATH]
    return {"name": _PATH, "value": ":".join((DEPENDENCIES, CODE, *filter(None, own)))}


def requirements(spec: JobSpec, tools: Tools) -> Parts:
    """The step that installs the job's dependencies, so that its failure is its own."""
    if not spec.dependencies:
        return Parts()
    mount = {"name": "dependencies", "mountPath": DEPENDENCIES}
    step: Json = {
        "name": containers.DEPENDENCIES,
        "command": tools.command("install", DEPENDENCIES, REPORT, *spec.dependencies),
        "volumeMounts": [{"name": "work", "mountPath": WORK}, mount],
    }
    return Parts(
        volumes=[{"name": "dependencies", "emptyDir": {}}],
        mounts=[{**mount, "readOnly": True}],
        init_containers=[step],
    )
