"""What tests with whole nodes share."""

from __future__ import annotations

import pytest
import yaml


@pytest.fixture
def images(tmp_path):
    file = tmp_path / "images.yaml"
    file.write_text(yaml.safe_dump({"python": {"env": {"PYTHONUNBUFFERED": "1"}}, "sh": None}))
    return file
