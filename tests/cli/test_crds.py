"""`mlctl crds`: the CustomResourceDefinitions of a module."""

from __future__ import annotations

import sys

import pytest
import yaml

WEBSITE = '''
from typing import Annotated

import attrs

from mlctl_core import Metadata, Schema, resource


@attrs.frozen(kw_only=True)
class WebsiteSpec:
    """What is served."""

    image: Annotated[str, Schema({bound})]
    """Image of the server."""


@resource(group="example.org", version="v1", plural="websites", categories=())
@attrs.frozen(kw_only=True)
class Website:
    """A site."""

    metadata: Metadata
    spec: WebsiteSpec
    """What is served."""
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module into the folder that the command is called in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    loaded = set(sys.modules)

    def write(name, text):
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    yield write
    for name in set(sys.modules) - loaded:
        del sys.modules[name]


def test_without_a_word_the_kinds_of_this_project_are_printed(anywhere):
    answer = anywhere("crds")
    names = [crd["metadata"]["name"] for crd in yaml.safe_load_all(answer.out)]
    assert answer.code == 0
    assert {"frameworks.mlctl.dev", "pythonjobs.mlctl.dev", "sizes.mlctl.dev"} <= set(names)
    assert names == sorted(names)


def test_a_module_of_the_current_folder_is_found(anywhere, module):
    module("website", WEBSITE.format(bound="max_length=512"))
    [crd] = yaml.safe_load_all(anywhere("crds", "website").out)
    assert crd["metadata"]["name"] == "websites.example.org"
    assert crd["spec"]["names"]["kind"] == "Website"


def test_a_package_s_modules_are_looked_through(anywhere, module):
    module("shop.website", WEBSITE.format(bound="max_length=512"))
    [crd] = yaml.safe_load_all(anywhere("crds", "shop").out)
    assert crd["metadata"]["name"] == "websites.example.org"


def test_no_cluster_is_needed(anywhere, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert anywhere("crds").code == 0


def test_a_field_without_a_bound_is_refused_by_its_name(anywhere, module):
    module("website", WEBSITE.format(bound=""))
    answer = anywhere("crds", "website")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("mlctl: module website: ")
    assert "image has no bound" in answer.err


REFUSED = {
    "a module that is not there": ("nope", "there is no module nope here"),
    "a file": ("website.py", "'website.py' is no name of a module"),
    "a path": ("../website", "'../website' is no name of a module"),
    "nothing": ("", "'' is no name of a module"),
    "a module without kinds": ("empty", "module empty defines no @resource class"),
    "a module that fails": ("broken", "module broken cannot be imported: ZeroDivisionError"),
    "a module that needs another": ("needy", "module needy needs module not_installed"),
    "a module with a mistake": ("typo", "module typo cannot be imported: SyntaxError"),
}


@pytest.mark.parametrize(("name", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_printed_is_one_line_and_exit_code_2(anywhere, module, name, said):
    module("empty", "")
    module("broken", "1 / 0")
    module("needy", "import not_installed")
    module("typo", "def f(:")
    answer = anywhere("crds", name)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"mlctl: {said}")
    assert answer.err.count("\n") == 1
