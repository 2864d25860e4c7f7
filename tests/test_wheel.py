"""What the wheel holds: the framework, whole, and nothing of what is built on it."""

from __future__ import annotations

import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
PACKAGE = "mlctl_core"
# What Python writes next to modules, and what is no module but has to come along.
BY_PRODUCTS = {".pyc"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    builder = WheelBuilder(str(ROOT))
    [path] = builder.build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def described(wheel):
    """The folder of what describes the wheel."""
    [name] = {name.partition("/")[0] for name in wheel.namelist()} - {PACKAGE}
    return name


def test_the_framework_is_the_only_package(wheel, described):
    assert described.endswith(".dist-info")


def test_every_file_of_the_framework_is_there_data_too(wheel, described):
    sources = (path for path in (ROOT / PACKAGE).rglob("*") if path.is_file())
    wanted = {str(p.relative_to(ROOT)) for p in sources if p.suffix not in BY_PRODUCTS}
    assert {name for name in wheel.namelist() if name.startswith(PACKAGE)} == wanted
    assert f"{PACKAGE}/py.typed" in wanted
    assert any(name.endswith(".json") for name in wanted)


def test_the_licence_comes_along(wheel, described):
    assert wheel.read(f"{described}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    metadata = Parser().parsestr(wheel.read(f"{described}/METADATA").decode())
    assert metadata["License-Expression"] == "Apache-2.0"


def test_the_command_is_installed(wheel, described):
    assert (
        "mlctl = mlctl_core.cli.main:main" in wheel.read(f"{described}/entry_points.txt").decode()
    )
