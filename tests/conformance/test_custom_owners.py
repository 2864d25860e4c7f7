"""Garbage collection of custom resources and by them.

A real collector looks for new kinds every 30 s only, so the kind is defined as early as can be
and these tests come last.
"""

from __future__ import annotations

import pytest
from specimens import config_map, owner, secret

pytestmark = pytest.mark.late


async def test_custom_resources_own(server, widgets, new_widget, config_maps):
    parent = await server.made(widgets, new_widget("parent"))
    references = [owner(parent, controller=True)]
    await server.made(config_maps, config_map("child", ownerReferences=references))
    await server.delete(f"{widgets}/parent")
    await server.gone(f"{config_maps}/child")


async def test_custom_resources_are_owned(server, widgets, new_widget, secrets):
    parent = await server.made(secrets, secret("parent"))
    await server.made(widgets, new_widget("child", ownerReferences=[owner(parent)]))
    await server.delete(f"{secrets}/parent")
    await server.gone(f"{widgets}/child")
