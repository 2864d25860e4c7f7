"""``mlctl crds``: the CustomResourceDefinitions of a module's API classes."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlctl_core.cli.errors import CommandError
from mlctl_core.cli.output import yaml_documents
from mlctl_core.objects.crd import crd
from mlctl_core.objects.resource import resource_of

if TYPE_CHECKING:
    from types import ModuleType

DEFAULT_MODULE = "apis.v1alpha1"


def crds(module: str | None) -> str:
    """Return the CRDs of every class that the module or its submodules define, as YAML.

    Raises:
        CommandError: the module cannot be imported, or defines no kind, or one that says too
            little of itself.
    """
    name = DEFAULT_MODULE if module is None else module
    if name.endswith(".py") or not all(part.isidentifier() for part in name.split(".")):
        raise CommandError(f"{name!r} is no name of a module: website, not website.py", code=2)
    # A command's own folder is not on the path; a module of the current folder is meant.
    sys.path.insert(0, str(Path.cwd()))
    try:
        loaded = importlib.import_module(name)
        found = {cls.__name__: cls for part in _parts(loaded) for cls in _resources(part)}
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise CommandError(f"module {name} needs module {error.name}", code=2) from error
        raise CommandError(
            f"there is no module {name} here: run it in a checkout, or name a module", code=2
        ) from None
    except Exception as error:
        # The module is the user's own program, which may raise anything.
        what = f"{type(error).__name__}: {error}"
        raise CommandError(f"module {name} cannot be imported: {what}", code=2) from error
    if not found:
        raise CommandError(f"module {name} defines no @resource class", code=2)
    try:
        return yaml_documents([crd(found[n]) for n in sorted(found)])
    except (TypeError, ValueError) as error:
        raise CommandError(f"module {name}: {error}") from error


def _parts(module: ModuleType) -> list[ModuleType]:
    paths = getattr(module, "__path__", ())
    return [
        module,
        *(
            importlib.import_module(f"{module.__name__}.{m.name}")
            for m in pkgutil.iter_modules(paths)
        ),
    ]


def _resources(module: ModuleType) -> list[type]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and _is_resource(value)
    ]


def _is_resource(cls: type) -> bool:
    try:
        resource_of(cls)
    except LookupError:
        return False
    return True
