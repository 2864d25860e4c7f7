"""The manager process: all controllers and gauges (``python -m controllers``)."""

from __future__ import annotations

import sys

from controllers.options import flags
from controllers.registry import collectors, planners
from mlctl_core.manager.manager import Manager


def main() -> int:
    """Run until stopped; the exit code."""
    own = flags()
    manager = Manager.from_args(flags=own)
    given, _ = own.parse_known_args()
    options = manager.options
    for planner in planners(
        cluster_domain=options.cluster_domain, all_namespaces=not options.namespaces
    ):
        manager.add(planner)
    for factory, kinds in collectors(given.gpu_resources):
        manager.add_collector(factory, kinds)
    return manager.run()


if __name__ == "__main__":
    sys.exit(main())
