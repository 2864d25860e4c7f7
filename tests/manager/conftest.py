from __future__ import annotations

import pytest
from website_cluster import new_cluster


@pytest.fixture
async def cluster():
    async with new_cluster() as made:
        yield made


@pytest.fixture(autouse=True)
def logging_as_before(logging_restored):
    """A manager that is run as a process sets up logging for all of it."""
