"""Finds the programs of a control plane: etcd, kube-apiserver and what goes with them.

Promises that what it returns is there and can be executed. Does not build anything: see
`mlctl_core.testing.kubernetes.build`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import attrs

__all__ = [
    "NEWEST",
    "OLDEST",
    "RELEASES",
    "Assets",
    "AssetsMissingError",
    "Release",
    "assets_from_environment_or_cache",
    "cache_directory",
    "releases_to_test",
]

ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
"""Names a folder that has the programs already, as for controller-runtime's envtest."""
CACHE_VARIABLE = "MLCTL_CACHE"
BUILD_COMMAND = "python -m mlctl_core.testing.kubernetes"

_MODULES = Path(__file__).parent


class AssetsMissingError(Exception):
    """A program of the control plane is not there; the message says how to get it."""


@attrs.frozen
class Release:
    """A version of Kubernetes that can be built."""

    version: str
    """Without the v, as in ``1.37.2``."""

    packages: Mapping[str, str]
    """Go packages by the name of the program that each makes."""

    @property
    def minor(self) -> str:
        """What users call it: ``1.37``."""
        return self.version.rpartition(".")[0]

    @property
    def module(self) -> Path:
        """The folder of the Go module that pins everything the programs are made of."""
        return _MODULES / self.minor


def _of_kubernetes(*names: str) -> dict[str, str]:
    return {name: f"k8s.io/kubernetes/cmd/{name}" for name in names}


NEWEST = Release(
    "1.37.2",
    {
        "etcd": "go.etcd.io/etcd/server/v3",
        **_of_kubernetes("kubectl", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    },
)
OLDEST = Release(
    "1.34.4", _of_kubernetes("kube-apiserver", "kube-controller-manager", "kube-scheduler")
)
"""The oldest that is supported. Claims of devices (resource.k8s.io/v1) are stable from here on,
and lists are streamed as watches (KEP-3157). It runs on the newest release's etcd."""
RELEASES = (NEWEST, OLDEST)


@attrs.frozen
class Assets:
    """Where the programs of one control plane are."""

    etcd: Path
    kubectl: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kube_scheduler: Path


def cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where built programs are kept: ``$MLCTL_CACHE``, else the user's cache folder."""
    if own := environment.get(CACHE_VARIABLE):
        return Path(own)
    users = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(users) / "mlctl"


def release_directory(release: Release, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for the programs of one release."""
    return cache_directory(environment) / "kubernetes" / release.version


def releases_to_test(environment: Mapping[str, str] = os.environ) -> tuple[Release, ...]:
    """Return the releases that tests run on.

    All of them; but whoever has ``$KUBEBUILDER_ASSETS`` need build none for that: only what is
    in the cache already counts besides.
    """
    if not environment.get(ASSETS_VARIABLE):
        return RELEASES
    return (NEWEST, *(one for one in RELEASES if one is not NEWEST and _is_built(one, environment)))


def _is_built(release: Release, environment: Mapping[str, str]) -> bool:
    folder = release_directory(release, environment)
    return all(os.access(folder / name, os.X_OK) for name in release.packages)


def assets_from_environment_or_cache(
    release: Release = NEWEST, environment: Mapping[str, str] = os.environ
) -> Assets:
    """Return the programs of a release.

    ``$KUBEBUILDER_ASSETS`` stands for the newest release, whatever version it holds; the rest
    comes from the cache.

    Raises:
        AssetsMissingError: one of them is not there or cannot be executed.
    """
    newest = release_directory(NEWEST, environment)
    if named := environment.get(ASSETS_VARIABLE):
        newest = Path(named)

    def find(name: str) -> Path:
        of_newest = release is NEWEST or name not in release.packages
        path = (newest if of_newest else release_directory(release, environment)) / name
        if os.access(path, os.X_OK):
            return path
        raise AssetsMissingError(
            f"{path} is not there: `make control-plane` (`{BUILD_COMMAND}`) builds it, "
            f"or let {ASSETS_VARIABLE} name a folder that has it"
        )

    return Assets(
        etcd=find("etcd"),
        kubectl=find("kubectl"),
        kube_apiserver=find("kube-apiserver"),
        kube_controller_manager=find("kube-controller-manager"),
        kube_scheduler=find("kube-scheduler"),
    )
