"""kubernetes-asyncio's configuration loader, without the 700 model classes it imports.

The loader knows kubeconfig files, exec plugins, OIDC and service accounts, and needs nothing
but the standard library, PyYAML and aiohttp. Importing it the usual way runs the package's
``__init__``, which imports every generated model: 0.4 s and 38 MB that this process would
never use. The loader names two classes of ``kubernetes_asyncio.client`` (in signatures and in
helpers not called here), so a stand-in for that module while the import runs is enough.

Promises that ``import kubernetes_asyncio``, before or after, gives the real package.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["config_module"]

_PACKAGE = "kubernetes_asyncio"


@cache
def config_module(name: str) -> ModuleType:
    """The module ``kubernetes_asyncio.config.<name>``; ``kube_config`` for one.

    Raises:
        ImportError: when kubernetes-asyncio is not installed or has no such module.
    """
    path = f"{_PACKAGE}.config.{name}"
    if _PACKAGE in sys.modules:
        return importlib.import_module(path)
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(f"{_PACKAGE} is not installed", name=_PACKAGE)
    package = ModuleType(_PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    config = ModuleType(f"{_PACKAGE}.config")
    config.__path__ = [f"{location}/config" for location in package.__path__]
    client = ModuleType(f"{_PACKAGE}.client")
    client.__dict__.update(ApiClient=object, Configuration=object)
    sys.modules.update({module.__name__: module for module in (package, config, client)})
    try:
        return importlib.import_module(path)
    finally:
        for loaded in list(_ours()):
            del sys.modules[loaded]


def _ours() -> Iterator[str]:
    return (name for name in sys.modules if name.split(".", 1)[0] == _PACKAGE)
