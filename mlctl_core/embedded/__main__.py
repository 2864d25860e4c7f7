"""`python -m mlctl_core.embedded`: a control plane on this machine until it is told to stop."""

from __future__ import annotations

import asyncio
import sys

from mlctl_core.embedded.node.images import ImagesError
from mlctl_core.embedded.options import parse_arguments
from mlctl_core.telemetry.log import configure


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; gives 0 after a clean stop, 1 on errors, 2 on bad usage."""
    options = parse_arguments(arguments)
    try:
        # What the extra installs is needed from here on, and not for --help.
        from mlctl_core.embedded.control_plane import run  # noqa: PLC0415
    except ModuleNotFoundError as error:
        sys.stderr.write(f"error: no module {error.name}: pip install 'mlctl[embedded]'\n")
        return 2
    configure("console")
    try:
        asyncio.run(run(options))
    except (OSError, ImagesError, RuntimeError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
