"""Every difference that is known is still there; one that is gone leaves the table."""

from __future__ import annotations

import pytest
from differences import DIFFERENCES, MOST


@pytest.mark.parametrize("one", DIFFERENCES, ids=lambda one: one.what)
async def test_they_differ_as_is_said(server, namespace, pods, one):
    expected = one.embedded if server.name == "embedded" else one.real
    assert await one.seen(server, namespace) == expected


def test_there_are_few():
    assert len(DIFFERENCES) <= MOST
    assert all(one.reason for one in DIFFERENCES)
