"""What torchrun and the programs that it starts are told, as tables."""

import pytest

from controllers.torch.environment import Elastic, World, environment, is_distributed

MASTER = "pyjob-x-worker-0.pyjob-x.ns.svc"


def world(**fields):
    return World(master=MASTER, identity="uid-1", **{"replicas": 1, **fields})


@pytest.mark.parametrize(
    ("replicas", "processes", "elastic", "expected"),
    [
        (1, None, None, False),
        (1, 1, None, True),
        (1, "auto", None, True),
        (2, None, None, True),
        (1, None, Elastic(fewest=1, most=2), True),
    ],
)
def test_what_is_run_by_torchrun(replicas, processes, elastic, expected):
    assert is_distributed(replicas, processes, elastic) is expected


def static(index, *, replicas, world_size, nproc="1", threads="1"):
    return {
        "PET_NPROC_PER_NODE": nproc,
        "OMP_NUM_THREADS": threads,
        "PET_NNODES": str(replicas),
        "PET_NODE_RANK": str(index),
        "PET_MASTER_ADDR": MASTER,
        "PET_MASTER_PORT": "29500",
        "MASTER_ADDR": MASTER,
        "MASTER_PORT": "29500",
        "RANK": str(index),
        "WORLD_SIZE": str(world_size),
    }


@pytest.mark.parametrize("index", [0, 1, 2])
def test_several_pods_meet_at_worker_0_with_fixed_ranks(index):
    found = environment(world(replicas=3), index)
    assert found == static(index, replicas=3, world_size=3)


def test_the_world_is_replicas_times_processes_where_that_is_a_number():
    found = environment(world(replicas=3, processes=4, cpu="8"), 1)
    assert found == static(1, replicas=3, world_size=12, nproc="4", threads="2")


def test_the_world_is_replicas_where_processes_are_found_out_later():
    found = environment(world(replicas=2, processes="auto", gpus=4, cpu="8"), 1)
    assert found == static(1, replicas=2, world_size=2, nproc="auto", threads="2")


@pytest.mark.parametrize(("processes", "nproc"), [(1, "1"), (4, "4")])
def test_one_pod_is_the_whole_world(processes, nproc):
    assert environment(world(processes=processes, cpu="4"), 0) == {
        "PET_NPROC_PER_NODE": nproc,
        "OMP_NUM_THREADS": str(4 // processes),
        "PET_NNODES": "1",
        "PET_STANDALONE": "1",
    }


def test_an_elastic_job_meets_at_worker_0_and_has_no_ranks():
    elastic = world(
        replicas=3, processes=2, elastic=Elastic(fewest=2, most=5), max_restarts=3, cpu="2"
    )
    shared = {
        "PET_NPROC_PER_NODE": "2",
        "OMP_NUM_THREADS": "1",
        "PET_NNODES": "2:5",
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ENDPOINT": f"{MASTER}:29400",
        "PET_RDZV_ID": "uid-1",
        "PET_MAX_RESTARTS": "3",
    }
    assert environment(elastic, 0) == shared | {"PET_RDZV_CONF": "is_host=true"}
    assert environment(elastic, 1) == shared | {"PET_RDZV_CONF": "is_host=false"}


@pytest.mark.parametrize(
    ("cpu", "gpus", "nproc"),
    [
        ("500m", 0, "1"),
        ("1", 0, "1"),
        ("2500m", 0, "3"),
        ("8", 0, "8"),
        # Of whatever name: nvidia.com/gpu, nvidia.com/mig-1g.5gb, amd.com/gpu.
        ("8", 1, "auto"),
        ("8", 2, "auto"),
    ],
)
def test_auto_is_a_process_per_core_of_the_pod_or_what_the_gpus_allow(cpu, gpus, nproc):
    found = environment(world(processes="auto", cpu=cpu, gpus=gpus), 0)
    assert found["PET_NPROC_PER_NODE"] == nproc


@pytest.mark.parametrize(
    ("cpu", "processes", "gpus", "threads"),
    [("8", None, 0, "8"), ("8", 3, 0, "2"), ("8", "auto", 2, "4"), ("500m", 4, 0, "1")],
)
def test_the_processes_of_a_pod_share_its_cores(cpu, processes, gpus, threads):
    found = environment(world(replicas=2, processes=processes, cpu=cpu, gpus=gpus), 0)
    assert found["OMP_NUM_THREADS"] == threads


def test_no_variable_is_ever_empty():
    """PET_STANDALONE= ends torchrun with a ValueError."""
    for index in (0, 1):
        for some in (
            world(processes=1),
            world(replicas=2),
            world(replicas=2, processes="auto"),
            world(replicas=2, elastic=Elastic(fewest=1, most=2)),
        ):
            assert all(environment(some, index).values())
