from __future__ import annotations

import sys

import pytest
import yaml

from hack import manifests


@pytest.fixture
def run(monkeypatch):
    def program(*arguments):
        monkeypatch.setattr(sys, "argv", ["manifests.py", *arguments])
        return manifests.main()

    return program


def test_the_manifests_in_the_tree_are_those_of_the_classes(run, capsys):
    assert run("--check") == 0, capsys.readouterr().out


def test_check_names_what_differs_and_writes_nothing(run, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    monkeypatch.setattr(manifests, "CRDS", tmp_path / "crds")
    run()
    (tmp_path / "crds" / "sizes.yaml").write_text("edited by hand")
    (tmp_path / "crds" / "frameworks.yaml").unlink()
    (tmp_path / "crds" / "older.yaml").write_text("of a kind that is gone")
    capsys.readouterr()
    assert run("--check") == 1
    named = [line.split(" ")[0] for line in capsys.readouterr().out.splitlines()]
    assert named == ["crds/frameworks.yaml", "crds/sizes.yaml", "crds/older.yaml"]
    assert (tmp_path / "crds" / "sizes.yaml").read_text() == "edited by hand"


def test_writing_leaves_exactly_the_files_of_the_classes(run, monkeypatch, tmp_path):
    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    monkeypatch.setattr(manifests, "CRDS", tmp_path / "crds")
    run()
    (tmp_path / "crds" / "older.yaml").write_text("of a kind that is gone")
    run()
    assert run("--check") == 0
    assert sorted(path.name for path in (tmp_path / "crds").iterdir()) == [
        "frameworks.yaml",
        "kustomization.yaml",
        "pythonjobs.yaml",
        "sizes.yaml",
    ]


def test_every_file_says_where_it_comes_from_and_is_yaml():
    for text in manifests.generated().values():
        assert text.startswith("# Generated from apis/")
        assert yaml.safe_load(text)["kind"] in ("CustomResourceDefinition", "Kustomization")
