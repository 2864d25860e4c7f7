from __future__ import annotations

import logging

import pytest
import structlog
from website_cluster import new_cluster


@pytest.fixture
async def cluster():
    async with new_cluster() as made:
        yield made


@pytest.fixture(autouse=True)
def logging_as_before():
    """A manager that is run as a process sets up logging for all of it."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
