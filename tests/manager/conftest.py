from __future__ import annotations

import pytest
from website_cluster import new_cluster


@pytest.fixture
async def cluster():
    async with new_cluster() as made:
        yield made
