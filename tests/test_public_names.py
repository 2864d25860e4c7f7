from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mlctl_core

ROOT = Path(mlctl_core.__file__).parents[1]

EVERYDAY_NAMES = {
    "Condition",
    "Delete",
    "EventNote",
    "Kind",
    "Manager",
    "Metadata",
    "ObjectKey",
    "Patch",
    "Plan",
    "Result",
    "Use",
    "View",
    "Watch",
    "planner",
    "resource",
}


def imported_for_type_checkers() -> dict[str, str]:
    tree = ast.parse(Path(mlctl_core.__file__).read_text())
    guarded = next(n for n in tree.body if isinstance(n, ast.If))
    return {
        alias.name: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("name", mlctl_core.__all__)
def test_every_exported_name_is_there(name):
    assert getattr(mlctl_core, name) is not None


def test_the_exported_names_are_exactly_those_that_type_checkers_see():
    assert sorted(mlctl_core.__all__) == sorted(imported_for_type_checkers())


def test_each_name_comes_from_where_type_checkers_believe_it_does():
    assert imported_for_type_checkers() == mlctl_core._HOME_OF


def test_the_public_surface_fits_in_a_head():
    assert set(mlctl_core.__all__) >= EVERYDAY_NAMES
    assert len(mlctl_core.__all__) <= 40


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Reconcilator'"):
        mlctl_core.Reconcilator  # noqa: B018 - the access is the test


def test_dir_lists_names_that_were_not_loaded_yet():
    assert set(mlctl_core.__all__) <= set(dir(mlctl_core))


def test_the_version_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert mlctl_core.__version__ == project["version"]


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(answer.stdout.split())


IO = {"aiohttp", "asyncio", "kubernetes_asyncio", "socket", "ssl", "mlctl_core.client"}


@pytest.mark.parametrize(
    "statement",
    [
        "import mlctl_core",
        "from mlctl_core import Plan, View, Watch, planner, resource, Metadata",
        "import mlctl_core.reconcile.diff, mlctl_core.reconcile.triggers",
    ],
)
def test_what_a_planner_imports_brings_no_io_along(statement):
    assert not loaded_after(statement) & IO


def test_a_manager_does_not_load_the_large_client_library_before_it_connects():
    assert "kubernetes_asyncio" not in loaded_after("from mlctl_core import Manager")
