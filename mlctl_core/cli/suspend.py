"""``mlctl suspend`` and ``mlctl resume``: the one field of the spec that people turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlctl_core.cli.target import Target
    from mlctl_core.client.client import Client


async def set_suspended(client: Client, target: Target, namespace: str, *, value: bool) -> str:
    """Set ``spec.suspend`` and return what to tell the user."""
    body = {"spec": {"suspend": value}}
    await client.patch(target.kind, target.name, body, namespace, field_manager="mlctl-cli")
    return f"{target.words} {'suspended' if value else 'resumed'}"
