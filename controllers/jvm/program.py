"""What a pod of a JVMJob runs, and the step that gets its jars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.job import Program
from controllers.jobs.pod import containers
from controllers.jobs.pod.environment import DEPENDENCIES, WORK
from controllers.jobs.pod.identity_parts import KRB5_CONFIG
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.tools import REPORT
from controllers.jvm.command import command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apis.v1alpha1.jvmjob import JVMJob
    from controllers.jobs.material import Material
    from controllers.jobs.pod.tools import Tools
    from mlctl_core.objects.json import Json


def program(job: JVMJob, material: Material) -> Program:
    """The job's class or jar, with its dependencies got before."""
    spec, identity = job.spec, material.inputs.identity
    kerberos = identity.spec.kerberos if identity else None
    words = command(
        spec.entrypoint,
        spec.args,
        main_class=spec.main_class,
        options=spec.jvm_options,
        krb5_config=KRB5_CONFIG if kerberos and kerberos.krb5_config_map else None,
        launcher=material.pins.framework.command or ("java",),
    )
    return Program(command=tuple(words), parts=jars(spec.dependencies, material.inputs.tools))


def jars(dependencies: Sequence[str], tools: Tools) -> Parts:
    """The step that gets what the job depends on, so that its failure is its own."""
    if not dependencies:
        return Parts()
    mount = {"name": "dependencies", "mountPath": DEPENDENCIES}
    step: Json = {
        "name": containers.DEPENDENCIES,
        "command": tools.command("install", DEPENDENCIES, WORK, REPORT, *dependencies),
        "volumeMounts": [{"name": "work", "mountPath": WORK}, mount, *tools.mounts],
    }
    return Parts(
        volumes=[{"name": "dependencies", "emptyDir": {}}],
        mounts=[{**mount, "readOnly": True}],
        init_containers=[step],
    )
