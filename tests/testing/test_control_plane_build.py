"""Building is judged by what the Go command is asked; the real one is seen by `make test-real`."""

import re
import subprocess
import sys

import pytest

from mlctl_core.testing.kubernetes import __main__ as program
from mlctl_core.testing.kubernetes.assets import (
    NEWEST,
    OLDEST,
    RELEASES,
    AssetsMissingError,
    assets_from_environment_or_cache,
    cache_directory,
    releases_to_test,
)
from mlctl_core.testing.kubernetes.build import BuildError, GoMissingError, build

GO = f"""#!{sys.executable}
import os, pathlib, sys
if sys.argv[1:] == ["env", "GOVERSION"]:
    sys.exit(int(os.environ.get("OLD", 0)))
folder = pathlib.Path(os.environ["ASKED"])
with folder.open("a") as asked:
    asked.write(sys.argv[-1] + " " + os.environ["CGO_ENABLED"] + "\\n")
pathlib.Path(sys.argv[sys.argv.index("-o") + 1]).write_text("half of")
sys.exit(int(os.environ.get("BROKEN", 0)))
"""


@pytest.fixture
def environment(tmp_path):
    """Has a Go that notes what it is asked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "go").write_text(GO)
    (tools / "go").chmod(0o755)
    return {
        "PATH": str(tools),
        "MLCTL_CACHE": str(tmp_path / "cache"),
        "ASKED": str(tmp_path / "asked"),
    }


@pytest.fixture
def asked(tmp_path):
    path = tmp_path / "asked"
    return lambda: path.read_text().splitlines() if path.exists() else []


def quiet(_):
    pass


@pytest.mark.parametrize("release", RELEASES)
def test_a_module_pins_the_version_it_is_named_for(release):
    module = (release.module / "go.mod").read_text()
    assert re.search(rf"^\tk8s.io/kubernetes v{release.version}\b", module, re.MULTILINE)
    tools = re.search(r"tool \((.*?)\)", module, re.DOTALL)[1].split()
    assert sorted(tools) == sorted(release.packages.values())
    assert (release.module / "go.sum").stat().st_size


def test_every_program_of_a_release_is_built_without_c(environment, asked):
    folder = build(NEWEST, environment, quiet)
    assert asked() == [f"{package} 0" for package in NEWEST.packages.values()]
    assert {path.name for path in folder.iterdir()} == set(NEWEST.packages)


def test_what_is_there_is_not_built_again(environment, asked):
    folder = build(NEWEST, environment, quiet)
    (folder / "etcd").unlink()
    build(NEWEST, environment, quiet)
    assert asked()[len(NEWEST.packages) :] == [f"{NEWEST.packages['etcd']} 0"]


def test_a_failed_build_leaves_nothing_that_looks_like_a_program(environment):
    with pytest.raises(BuildError, match=r"go build of etcd 1\.37\.2 failed"):
        build(NEWEST, environment | {"BROKEN": "1"}, quiet)
    assert list((cache_directory(environment) / "kubernetes" / NEWEST.version).iterdir()) == []


def test_no_go_is_said_in_one_line_with_the_remedy(environment, tmp_path):
    with pytest.raises(GoMissingError) as caught:
        build(NEWEST, environment | {"PATH": str(tmp_path)}, quiet)
    assert re.fullmatch(r".*no Go here: install Go 1\.26 or newer \(.*\)", str(caught.value))


def test_an_old_go_is_said_in_one_line_with_the_remedy(environment):
    with pytest.raises(GoMissingError) as caught:
        build(OLDEST, environment | {"OLD": "1"}, quiet)
    assert re.fullmatch(r".*too old.*: install Go 1\.24 or newer \(.*\)", str(caught.value))


def test_no_go_is_needed_once_everything_is_built(environment, tmp_path):
    build(NEWEST, environment, quiet)
    build(NEWEST, environment | {"PATH": str(tmp_path)}, quiet)


def test_the_command_fails_with_that_line_alone(tmp_path):
    command = [sys.executable, "-m", "mlctl_core.testing.kubernetes", "1.34"]
    environment = {"PATH": str(tmp_path), "MLCTL_CACHE": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_release_is_bad_usage(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["kubernetes", "1.0"])
    with pytest.raises(SystemExit) as caught:
        program.main()
    assert caught.value.code == 2
    assert "not one of 1.37, 1.34: 1.0" in capsys.readouterr().err


def test_a_folder_that_has_the_programs_is_not_built_into(monkeypatch, capsys, environment, asked):
    for name, value in (environment | {"KUBEBUILDER_ASSETS": "/opt/k8s"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["kubernetes"])
    assert program.main() == 0
    assert "KUBEBUILDER_ASSETS=/opt/k8s" in capsys.readouterr().out
    assert asked() == []


def test_all_releases_are_tested(environment):
    assert releases_to_test(environment) == RELEASES


def test_whoever_has_the_programs_of_one_release_need_not_build_another(environment):
    environment = environment | {"KUBEBUILDER_ASSETS": "/opt/k8s"}
    assert releases_to_test(environment) == (NEWEST,)
    make_programs(cache_directory(environment) / "kubernetes" / OLDEST.version, OLDEST.packages)
    assert releases_to_test(environment) == RELEASES


def make_programs(folder, names):
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch(mode=0o755)


def test_the_oldest_release_runs_on_the_newest_ones_etcd(environment):
    cache = cache_directory(environment) / "kubernetes"
    for release in RELEASES:
        make_programs(cache / release.version, release.packages)
    assets = assets_from_environment_or_cache(OLDEST, environment)
    assert assets.etcd == cache / NEWEST.version / "etcd"
    assert assets.kubectl == cache / NEWEST.version / "kubectl"
    assert assets.kube_apiserver == cache / OLDEST.version / "kube-apiserver"


def test_a_named_folder_goes_before_the_cache(environment, tmp_path):
    cache = cache_directory(environment) / "kubernetes"
    for release in RELEASES:
        make_programs(cache / release.version, release.packages)
    make_programs(tmp_path / "own", NEWEST.packages)
    environment = environment | {"KUBEBUILDER_ASSETS": str(tmp_path / "own")}
    newest = assets_from_environment_or_cache(NEWEST, environment)
    assert newest.kube_apiserver == tmp_path / "own" / "kube-apiserver"
    oldest = assets_from_environment_or_cache(OLDEST, environment)
    assert oldest.kube_apiserver == cache / OLDEST.version / "kube-apiserver"
    assert oldest.etcd == tmp_path / "own" / "etcd"


def test_a_missing_program_is_named_with_the_remedy(environment):
    with pytest.raises(AssetsMissingError, match=r"etcd is not there: `make control-plane`"):
        assets_from_environment_or_cache(NEWEST, environment)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"MLCTL_CACHE": "/own", "XDG_CACHE_HOME": "/users"}, "/own"),
        ({"XDG_CACHE_HOME": "/users"}, "/users/mlctl"),
    ],
)
def test_the_cache_is_outside_the_tree(environment, expected):
    assert str(cache_directory(environment)) == expected
