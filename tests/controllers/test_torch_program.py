"""What a replica of a PythonJob runs, by itself and with others."""

import pytest
from replicas import METADATA, material, replica, variables

from apis.v1alpha1 import pythonjob
from apis.v1alpha1.environment import EnvVar, PlainEnvVar
from apis.v1alpha1.pythonjob import PythonJob, PythonJobSpec
from apis.v1alpha1.size import Gpu
from controllers.pythonjob import PYTHON_JOB

MASTER = "pyjob-mnist-worker-0.pyjob-mnist.team-a.svc"
ELASTIC = pythonjob.Elastic(min=1, max=4)


def job(**spec):
    fields = {"framework": "framework", "size": "small", "entrypoint": "train.py", **spec}
    return PythonJob(metadata=METADATA, spec=PythonJobSpec(**fields))


def program(index=0, *, gpu=None, framework=None, cluster_domain="", **spec):
    made_of = material("PyTorch", gpu, **(framework or {}))
    one = replica(job(**spec), PYTHON_JOB, made_of, "worker", index, cluster_domain=cluster_domain)
    return PYTHON_JOB.program(one)


def test_a_single_process_runs_the_entrypoint_and_is_told_nothing():
    found = program()
    assert found.command == ("python", "-u", "/mlctl/code/train.py")
    assert set(variables(found)) == {"PYTHONPATH"}
    assert found.ports == ()


def test_replicas_are_run_by_torchrun_and_meet_at_worker_0():
    found = program(1, replicas=2, processes_per_replica=2, args=("--lr", "1"))
    assert found.command == (
        *("python", "-u", "-m", "torch.distributed.run"),
        *("/mlctl/code/train.py", "--lr", "1"),
    )
    assert found.ports == (("torch", 29500),)
    told = variables(found)
    assert (told["PET_MASTER_ADDR"], told["PET_NODE_RANK"]) == (MASTER, "1")
    assert (told["WORLD_SIZE"], told["OMP_NUM_THREADS"]) == ("4", "2")


def test_the_clusters_domain_completes_the_masters_name():
    found = program(replicas=2, cluster_domain="cluster.local")
    assert variables(found)["MASTER_ADDR"] == f"{MASTER}.cluster.local"


def test_several_processes_of_one_pod_are_a_world_of_their_own():
    told = variables(program(processes_per_replica="auto"))
    assert (told["PET_STANDALONE"], told["PET_NPROC_PER_NODE"]) == ("1", "4")


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "amd.com/gpu"])
def test_auto_is_left_to_torchrun_where_there_are_gpus_of_whatever_name(resource):
    gpu = Gpu(resource=resource, count=2)
    told = variables(program(processes_per_replica="auto", gpu=gpu))
    assert told["PET_NPROC_PER_NODE"] == "auto"


def test_an_elastic_job_meets_at_worker_0_and_outlives_as_many_losses_as_it_may_have():
    found = program(1, replicas=2, elastic=ELASTIC, backoff_limit=2, infra_backoff_limit=5)
    told = variables(found)
    assert found.ports == (("torch", 29400),)
    assert told["PET_NNODES"] == "1:4"
    assert told["PET_RDZV_ENDPOINT"] == f"{MASTER}:29400"
    assert told["PET_RDZV_ID"] == "uid-1"
    assert told["PET_MAX_RESTARTS"] == "7"


@pytest.mark.parametrize(
    "own",
    [
        {"env": (EnvVar(name="OMP_NUM_THREADS", value="3"),)},
        {"framework": {"env": (PlainEnvVar(name="OMP_NUM_THREADS", value="3"),)}},
    ],
    ids=["of-the-job", "of-the-framework"],
)
def test_a_number_of_threads_that_somebody_chose_is_kept(own):
    assert "OMP_NUM_THREADS" not in variables(program(replicas=2, **own))


def test_only_an_elastic_job_goes_on_without_one_that_is_not_worker_0():
    [fixed] = PYTHON_JOB.roles(job(replicas=3))
    [elastic] = PYTHON_JOB.roles(job(replicas=3, elastic=ELASTIC))
    assert [fixed.restarts_alone(index) for index in range(3)] == [False, False, False]
    assert [elastic.restarts_alone(index) for index in range(3)] == [False, True, True]
    assert all(elastic.is_decisive(index) for index in range(3))


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"replicas": 2}, "spec.replicas"),
        ({"processes_per_replica": 1}, "spec.processesPerReplica"),
        ({"elastic": ELASTIC}, "spec.elastic"),
    ],
)
def test_a_framework_without_torchrun_cannot_make_one_program_of_several(spec, field):
    refusal = PYTHON_JOB.refuse(job(**spec), material("TensorFlow"), None)
    assert refusal.reason == "FrameworkUnsuitable"
    assert refusal.message.startswith(field)
    assert refusal.message.endswith(f"choose one of type PyTorch, or remove {field}.")
    assert PYTHON_JOB.refuse(job(**spec), material("PyTorch"), None) is None


def test_any_framework_runs_a_single_process():
    assert PYTHON_JOB.refuse(job(), material("Python"), None) is None
