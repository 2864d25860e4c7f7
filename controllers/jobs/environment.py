"""The environment of a job's containers: paths, then the framework's variables, then the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.jobs.entrypoint import CODE_DIRECTORY

if TYPE_CHECKING:
    from apis.v1alpha1.common import JobSpec
    from apis.v1alpha1.environment import EnvVar
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
_PATH = "PYTHONPATH"


def environment(framework: PinnedFramework, spec: JobSpec) -> list[Json]:
    """Each variable once; what comes later wins.

    PYTHONPATH is the platform's, as code and dependencies are found by it; what the framework
    says of it is searched last.
    """
    own = [variable.value for variable in framework.env if variable.name == _PATH]
    variables: dict[str, Json] = {name: {"value": value} for name, value in _PLATFORM.items()}
    variables |= {variable.name: {"value": variable.value} for variable in framework.env}
    variables |= {variable.name: _source(variable) for variable in spec.env}
    variables[_PATH] = {"value": ":".join((DEPENDENCIES, CODE, *filter(None, own)))}
    return [{"name": name, **value} for name, value in variables.items()]


def _source(variable: EnvVar) -> Json:
    for reference, name in (
        (variable.secret_key_ref, "secretKeyRef"),
        (variable.config_map_key_ref, "configMapKeyRef"),
    ):
        if reference:
            return {"valueFrom": {name: {"name": reference.name, "key": reference.key}}}
    return {"value": variable.value or ""}
