"""`python -m mlctl_core.embedded`: a control plane on this machine until it is told to stop."""

from __future__ import annotations

import asyncio
import sys

from mlctl_core.embedded.control_plane import run
from mlctl_core.embedded.options import parse_arguments


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; gives the exit code."""
    return asyncio.run(run(parse_arguments(arguments)))


if __name__ == "__main__":
    sys.exit(main())
