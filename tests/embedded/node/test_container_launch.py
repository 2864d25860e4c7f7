from __future__ import annotations

from pathlib import Path

import pytest
from node_pods import container, pod

from mlctl_core.embedded.node.container_launch import Places, launch_spec
from mlctl_core.embedded.node.environment import ConfigError, Facts, Sources
from mlctl_core.embedded.node.images import Image
from mlctl_core.embedded.node.process import Mount

VOLUMES = [{"name": "code", "configMap": {"name": "c"}}, {"name": "work", "emptyDir": {}}]
MOUNTS = [
    {"name": "code", "mountPath": "/mlctl/code"},
    {"name": "work", "mountPath": "/mlctl/work", "readOnly": True},
]


@pytest.fixture
def launch(tmp_path):
    def launch(*, isolated=True, image=None, runtime_env=None, **fields):
        main = container(**({"volumeMounts": MOUNTS} | fields))
        a_pod = pod(containers=[main], volumes=VOLUMES)
        for name in ("code", "work"):
            (tmp_path / name).mkdir(exist_ok=True)
        places = Places(
            volumes={"code": tmp_path / "code", "work": tmp_path / "work"},
            home=tmp_path / "home",
            termination_message=tmp_path / "message",
            root=tmp_path / "root" if isolated else None,
        )
        return launch_spec(
            a_pod,
            a_pod.spec.containers[0],
            image or Image(),
            sources=Sources({}, {}),
            facts=Facts(address="127.0.0.1", allocatable={}),
            places=places,
            runtime_env=runtime_env or {},
        )

    return launch


def test_command_and_arguments_are_joined_and_expanded(launch):
    spec = launch(
        command=["python", "$(DIR)/train.py"],
        args=["--x=$(X)", "$$(X)", "$(NONE)"],
        env=[{"name": "DIR", "value": "/mlctl/code"}, {"name": "X", "value": "1"}],
    )

    assert spec.argv == ["python", "/mlctl/code/train.py", "--x=1", "$(X)", "$(NONE)"]


def test_an_image_brings_its_programs_first_and_its_variables(launch):
    image = Image(path=Path("/envs/py"), env={"A": "image", "B": "image"})
    spec = launch(image=image, env=[{"name": "B", "value": "pod"}])

    assert spec.env["PATH"].startswith("/envs/py/bin:/usr/local/sbin:")
    assert (spec.env["A"], spec.env["B"]) == ("image", "pod")


def test_a_container_has_a_home_a_host_name_and_what_the_runtime_tells_it(launch):
    spec = launch(runtime_env={"KUBERNETES_SERVICE_HOST": "127.0.0.1"})

    assert spec.env["HOME"] == spec.env["TMPDIR"] == "/container-home"
    assert spec.env["HOSTNAME"] == "p"
    assert spec.env["KUBERNETES_SERVICE_HOST"] == "127.0.0.1"


def test_without_a_command_there_is_nothing_to_execute(launch):
    with pytest.raises(ConfigError, match="no command specified"):
        launch(command=[], args=["x"])


def test_volumes_are_mounted_and_what_comes_from_the_api_is_read_only(launch, tmp_path):
    assert launch().mounts == [
        Mount(tmp_path / "code", "/mlctl/code", read_only=True),
        Mount(tmp_path / "work", "/mlctl/work", read_only=True),
        Mount(tmp_path / "message", "/dev/termination-log"),
        Mount(tmp_path / "home", "/container-home"),
    ]


def test_a_container_works_in_its_directory_or_at_the_root(launch):
    assert launch(workingDir="/mlctl/work").cwd == "/mlctl/work"
    assert launch().cwd == "/"


def test_without_namespaces_paths_are_rewritten_everywhere(launch, tmp_path):
    spec = launch(
        isolated=False,
        command=["python", "/mlctl/code/train.py"],
        args=["--log=/dev/termination-log"],
        env=[{"name": "PYTHONPATH", "value": "/mlctl/work:/mlctl/code"}],
        workingDir="/mlctl/work",
    )

    assert spec.root is None
    assert spec.mounts == ()
    assert spec.argv == ["python", f"{tmp_path}/code/train.py", f"--log={tmp_path}/message"]
    assert spec.env["PYTHONPATH"] == f"{tmp_path}/work:{tmp_path}/code"
    assert spec.env["HOME"] == f"{tmp_path}/home"
    assert spec.cwd == f"{tmp_path}/work"


def test_without_namespaces_a_container_works_at_home_and_not_in_the_hosts_root(launch, tmp_path):
    assert launch(isolated=False).cwd == f"{tmp_path}/home"


def test_a_sub_path_is_a_path_in_the_volume_and_made_where_it_may_be(launch, tmp_path):
    mount = {"name": "work", "mountPath": "/w", "subPathExpr": "$(RUN)/out"}
    spec = launch(volumeMounts=[mount], env=[{"name": "RUN", "value": "r1"}])

    assert spec.mounts[0] == Mount(tmp_path / "work/r1/out", "/w")
    assert (tmp_path / "work/r1/out").is_dir()


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ({"name": "none", "mountPath": "/x"}, 'volume "none" not found'),
        ({"name": "work", "mountPath": "/x", "subPath": "../out"}, "leads out of volume"),
        ({"name": "code", "mountPath": "/x", "subPath": "no.py"}, "failed to prepare subPath"),
    ],
)
def test_a_mount_that_leads_nowhere_is_a_configuration_error(launch, mount, message):
    with pytest.raises(ConfigError, match=message):
        launch(volumeMounts=[mount])
