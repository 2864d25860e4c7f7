"""What tests of several packages share."""

from __future__ import annotations

import logging

import pytest
import structlog


@pytest.fixture
def logging_restored():
    """Logging is set up for a whole process; afterwards it is as it was before."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
