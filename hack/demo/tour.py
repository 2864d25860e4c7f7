"""A tour of what the platform does: a control plane, the manager, and a story told on them."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from pathlib import Path

from hack.demo import kinds, size
from hack.demo.environment import write_images
from hack.demo.installation import control_plane, images, manager
from hack.demo.show import Story

_STORIES = {"size": size, "jobs": kinds}


async def show(tour: str, *, keep: bool) -> bool:
    """Show a tour and return whether everything was as promised.

    Cancelled, it stops what it has started, and only then ends.

    Raises:
        ProcessFailedError: one of its processes ended early.
    """
    story, told = Story(), _STORIES[tour]
    with tempfile.TemporaryDirectory(prefix="mlctl-demo-") as folder:
        state = Path(folder)
        names = ", ".join(told.FRAMEWORKS)
        story.say("environment", f"{names}: built on first use, kept afterwards")
        write_images(state / "images.yaml", await images(told.FRAMEWORKS))
        async with control_plane(state, story) as client, manager(state, story) as metrics_url:
            holds = await told.tell(client, metrics_url, story)
            if keep:
                await _stay(state, metrics_url, story, told.COMMANDS)
    story.say("stopped", "nothing is left running")
    return holds


async def _stay(state: Path, metrics_url: str, story: Story, commands: tuple[str, ...]) -> None:
    """Leave everything running until Ctrl-C, and say what to try."""
    story.heading("The control plane stays until Ctrl-C. In another terminal:")
    story.command(f"export KUBECONFIG={state / 'kubeconfig'}")
    for line in (
        "kubectl get ml,pods,nodes",
        *commands,
        f"curl -s {metrics_url} | grep -E 'mlctl_gpu|reconcile_time_seconds_count'",
    ):
        story.command(line)
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopped.set)
    await stopped.wait()
