"""Builds the control plane: `python -m mlctl_core.testing.kubernetes [MINOR…]`."""

from __future__ import annotations

import argparse
import os
import sys

from mlctl_core.testing.kubernetes.assets import (
    ASSETS_VARIABLE,
    NEWEST,
    RELEASES,
    releases_to_test,
)
from mlctl_core.testing.kubernetes.build import BuildError, GoMissingError, build


def main() -> int:
    """Build the releases that are asked for, by default those that tests run on.

    0 done, 1 failed, 2 bad usage.
    """
    known = {release.minor: release for release in RELEASES}
    parser = argparse.ArgumentParser(prog="python -m mlctl_core.testing.kubernetes")
    parser.description = "Build etcd and Kubernetes from Go modules into the cache."
    default = [release.minor for release in releases_to_test()]
    what = f"one of {', '.join(known)}; by default {', '.join(default)}"
    parser.add_argument("minor", nargs="*", help=what)
    wanted = parser.parse_args().minor or default
    if unknown := set(wanted) - set(known):
        parser.error(f"not one of {', '.join(known)}: {', '.join(sorted(unknown))}")
    for minor in wanted:
        release = known[minor]
        if release is NEWEST and (named := os.environ.get(ASSETS_VARIABLE)):
            _say(f"Kubernetes {minor} is taken from {ASSETS_VARIABLE}={named}")
            continue
        try:
            _say(f"Kubernetes {release.version} is in {build(release, say=_say)}")
        except (BuildError, GoMissingError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
