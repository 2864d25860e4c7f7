"""The manager process: all controllers and gauges (``python -m controllers``)."""

from __future__ import annotations

import sys

from controllers.gpu.gauges import GpuGauges, JobGauges
from controllers.registry import PLANNERS
from mlctl_core.manager.manager import Manager
from mlctl_core.objects.kinds import NODE, POD


def main() -> int:
    """Run until stopped; the exit code."""
    manager = Manager.from_args()
    for planner in PLANNERS:
        manager.add(planner)
    manager.add_collector(GpuGauges, [POD, NODE])
    manager.add_collector(JobGauges, [planner.kind for planner in PLANNERS])
    return manager.run()


if __name__ == "__main__":
    sys.exit(main())
