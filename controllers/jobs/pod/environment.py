"""The environment of a job's containers: paths, then the framework's variables, then the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.pod import gpus
from controllers.jobs.pod.entrypoint import CODE_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apis.v1alpha1.common import JobSpec
    from apis.v1alpha1.environment import EnvVar
    from apis.v1alpha1.size import Gpu
    from apis.v1alpha1.status import PinnedFramework
    from mlctl_core.objects.json import Json

CODE = CODE_DIRECTORY
"""The job's source, read-only."""
DEPENDENCIES = "/mlctl/dependencies"
"""What the dependency step installed."""
WORK = "/mlctl/work"
"""Where a container starts, and its home: the one directory of ours that it may write to."""

_PLATFORM = {
    "HOME": WORK,
    # The user ID has no name in most images; libraries that ask for one look here first.
    "USER": "mlctl",
    "PYTHONUNBUFFERED": "1",
}


def environment(
    framework: PinnedFramework,
    spec: JobSpec,
    gpu: Gpu | None = None,
    protocol: Iterable[Json] = (),
) -> list[Json]:
    """Each variable once; what comes later wins, the ``protocol``'s last."""
    plain = {**_PLATFORM, **gpus.variables(gpu)}
    layers: tuple[tuple[str, Json], ...] = (
        *((name, {"value": value}) for name, value in plain.items()),
        *((variable.name, {"value": variable.value}) for variable in framework.env),
        *((variable.name, _source(variable)) for variable in spec.env),
        *((str(variable["name"]), _without_name(variable)) for variable in protocol),
    )
    return [{"name": name, **value} for name, value in dict(layers).items()]


def _without_name(variable: Json) -> Json:
    return {field: value for field, value in variable.items() if field != "name"}


def _source(variable: EnvVar) -> Json:
    for reference, name in (
        (variable.secret_key_ref, "secretKeyRef"),
        (variable.config_map_key_ref, "configMapKeyRef"),
    ):
        if reference:
            return {"valueFrom": {name: {"name": reference.name, "key": reference.key}}}
    return {"value": variable.value or ""}
