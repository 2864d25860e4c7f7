"""Every controller of the application: the planners, each with its way to look outside.

Planners are pure, so it is here, not in their modules, that they meet what does I/O.
"""

from __future__ import annotations

import attrs

from controllers import pythonjob
from controllers.jobs.observe import observing

PLANNERS = (attrs.evolve(pythonjob.plan, observe=observing(pythonjob.wanted)),)
"""What `python -m controllers` runs."""
