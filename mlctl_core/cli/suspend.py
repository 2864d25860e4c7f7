"""``mlctl suspend`` and ``mlctl resume``: the one field of the spec that people turn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlctl_core.cli.errors import CommandError

if TYPE_CHECKING:
    from mlctl_core.cli.target import Target
    from mlctl_core.client.client import Client
    from mlctl_core.objects.json import Json

_ENDED = ("Succeeded", "Failed")


async def set_suspended(client: Client, target: Target, *, value: bool) -> str:
    """Set ``spec.suspend`` and return what to tell the user.

    Raises:
        CommandError: the object has ended, or is of a kind that cannot be suspended.
    """
    verb = "suspend" if value else "resume"
    if (phase := target.status.get("phase")) in _ENDED:
        raise CommandError(f"{target.words} has ended ({phase}): there is nothing to {verb}")
    raw = await client.patch(
        target.kind,
        target.name,
        {"spec": {"suspend": value}},
        target.namespace,
        field_manager="mlctl-cli",
    )
    answer: Json = json.loads(raw)
    # A server drops a field that the kind does not have.
    if answer["spec"].get("suspend", False) != value:
        raise CommandError(f"{target.words} cannot be suspended")
    return f"{target.words} {'suspended' if value else 'resumed'}"
