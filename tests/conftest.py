"""What tests of several packages share."""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
from pathlib import Path

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


@pytest.fixture(scope="session")
def image_archive(tmp_path_factory):
    """The manager's image, built once, however many processes run the tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    archive = shared / "manager.tar"
    with (shared / "manager.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            unfinished = archive.with_suffix(".part")
            command = [sys.executable, "-m", "hack.image", "--archive", str(unfinished)]
            subprocess.run(command, check=True, cwd=Path(__file__).parents[1])
            unfinished.rename(archive)
    return archive
