"""What ten lines become: the pod, field by field."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml
from job_world import CATALOGUE, World

from apis.v1alpha1.environment import PlainEnvVar
from controllers.jobs.pod.python import search_path
from mlctl_core.objects.kinds import CONFIG_MAP

SAMPLE = CATALOGUE.parent / "samples" / "digits.yaml"
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def pod_of(annotations=None, **spec):
    world = World()
    world.submit(annotations=annotations, **spec)
    world.settle()
    [pod] = world.pods()
    return pod


def env_of(container):
    return {variable.pop("name"): variable for variable in container["env"]}


def test_the_sample_is_a_job_that_gets_its_pod():
    world = World()
    sample = yaml.safe_load(SAMPLE.read_text())
    sample["metadata"]["name"] = "mnist"
    world.add(sample)
    world.settle()
    [pod] = world.pods()
    assert pod["spec"]["containers"][0]["command"] == ["python", "-u", "/mlctl/code/train.py"]
    code = world.raw(CONFIG_MAP, "pyjob-mnist-code")["data"]["train.py"]
    compile(code, "train.py", "exec")


def test_a_pod_says_whose_it_is_and_is_tracked():
    metadata = pod_of(
        annotations={"mlctl.dev/project": "Churn 2", "mlctl.dev/name": "evil", "mine": "x"}
    )["metadata"]
    assert metadata["name"] == "pyjob-mnist-worker-0"
    assert metadata["labels"] == {
        "mlctl.dev/kind": "PythonJob",
        "mlctl.dev/name": "mnist",
        "mlctl.dev/role": "worker",
        "mlctl.dev/index": "0",
        "mlctl.dev/attempt": "1",
        "mlctl.dev/project": "Churn-2",
        "app.kubernetes.io/managed-by": "mlctl",
    }
    assert metadata["finalizers"] == ["mlctl.dev/tracking"]
    [owner] = metadata["ownerReferences"]
    assert (owner["kind"], owner["controller"], owner["blockOwnerDeletion"]) == (
        "PythonJob",
        True,
        True,
    )


def test_a_pod_is_admitted_by_the_restricted_pod_security_standard():
    spec = pod_of(dependencies=["pandas"])["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not spec["automountServiceAccountToken"]
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["securityContext"] == RESTRICTED_CONTAINER
    assert {next(iter(v.keys() - {"name"})) for v in spec["volumes"]} <= {"emptyDir", "configMap"}


def test_requests_equal_limits_and_are_the_size():
    spec = pod_of(size="medium")["spec"]
    amounts = {"cpu": "4", "memory": "16Gi"}
    assert spec["containers"][0]["resources"] == {"requests": amounts, "limits": amounts}
    assert spec["restartPolicy"] == "Never"


def test_a_gpu_size_brings_the_gpu_its_tolerations_and_the_gpu_image():
    spec = pod_of(size="gpu-large", dependencies=["pandas"])["spec"]
    main, step = spec["containers"][0], spec["initContainers"][0]
    assert main["image"] == step["image"] == "rapidsai/base:24.08-cuda12.5-py3.11"
    assert main["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu" not in step["resources"]["limits"]
    [toleration] = spec["tolerations"]
    assert toleration == {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def test_shared_memory_is_a_memory_volume_on_dev_shm():
    spec = pod_of(size="medium")["spec"]
    [volume] = [v for v in spec["volumes"] if v["name"] == "shared-memory"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "2Gi"}
    mounts = {m["name"]: m["mountPath"] for m in spec["containers"][0]["volumeMounts"]}
    assert mounts["shared-memory"] == "/dev/shm"


def test_code_is_mounted_read_only_and_work_happens_elsewhere():
    main = pod_of()["spec"]["containers"][0]
    assert main["workingDir"] == "/mlctl/work"
    assert {"name": "code", "mountPath": "/mlctl/code", "readOnly": True} in main["volumeMounts"]


def test_without_a_source_there_is_no_code_volume():
    spec = pod_of(source=None, entrypoint="package.train")["spec"]
    assert [v["name"] for v in spec["volumes"]] == ["work"]


def test_dependencies_are_installed_in_a_step_of_their_own_as_whole_arguments():
    requirements = ["pandas>=2; python_version < '4'", "x[y] @ https://e.org/$(HOME)/x.whl", "-r"]
    spec = pod_of(dependencies=requirements)["spec"]
    [step] = spec["initContainers"]
    assert step["name"] == "dependencies"
    assert step["command"][:3] == ["python", "-u", "-c"]
    assert step["command"][4:] == [
        *("/mlctl/dependencies", "/dev/termination-log"),
        "pandas>=2; python_version < '4'",
        "x[y] @ https://e.org/$$(HOME)/x.whl",
        "-r",
    ]
    main = spec["containers"][0]
    assert {"name": "dependencies", "mountPath": "/mlctl/dependencies", "readOnly": True} in (
        main["volumeMounts"]
    )


@pytest.mark.parametrize(("own", "behind"), [("/opt/spark/python", ":/opt/spark/python"), ("", "")])
def test_a_frameworks_python_path_is_searched_after_the_jobs_code(own, behind):
    framework = SimpleNamespace(env=[PlainEnvVar(name="PYTHONPATH", value=own)])
    [path] = [
        variable["value"]
        for variable in [search_path(framework)]
        if variable["name"] == "PYTHONPATH"
    ]
    assert path == "/mlctl/dependencies:/mlctl/code" + behind


def test_the_users_variables_win_over_the_frameworks_and_paths_are_ours():
    world = World()
    framework = {
        "kind": "Framework",
        "metadata": {"name": "mine"},
        "spec": {
            "type": "Python",
            "version": "1",
            "images": {"cpu": "mine:1"},
            "command": ["ipython"],
            "env": [{"name": "A", "value": "framework"}, {"name": "B", "value": "framework"}],
        },
    }
    world.add(framework)
    world.submit(
        framework="mine",
        dependencies=["pandas"],
        env=[
            {"name": "B", "value": "user"},
            {"name": "TOKEN", "secretKeyRef": {"name": "s", "key": "k"}},
            {"name": "C", "configMapKeyRef": {"name": "c", "key": "k"}},
            {"name": "EMPTY", "value": ""},
        ],
    )
    world.settle()
    [pod] = world.pods()
    main, step = pod["spec"]["containers"][0], pod["spec"]["initContainers"][0]
    assert main["command"][0] == "ipython"
    assert step["env"] == main["env"], "a framework tells pip too where to look"
    assert env_of(main) == {
        "HOME": {"value": "/mlctl/work"},
        "USER": {"value": "mlctl"},
        "PYTHONUNBUFFERED": {"value": "1"},
        "NVIDIA_VISIBLE_DEVICES": {"value": "void"},
        "A": {"value": "framework"},
        "B": {"value": "user"},
        "TOKEN": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        "C": {"valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
        "EMPTY": {"value": ""},
        "PYTHONPATH": {"value": "/mlctl/dependencies:/mlctl/code"},
    }


@pytest.mark.parametrize("module", ["controllers.pythonjob", "controllers.gpu.accounting"])
def test_a_planner_is_imported_without_any_io(module):
    script = (
        f"import sys, {module}; "
        "io = {'asyncio', 'aiohttp', 'kubernetes_asyncio'} & set(sys.modules); "
        "sys.exit(' '.join(io) or None)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
