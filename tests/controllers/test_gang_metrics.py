"""Whose words are the metrics of a job with several pods: the chief's or worker 0's, always."""

import pytest
from gang_world import PREFIX, SERVED, GangWorld, role

from controllers.jobs import logs

FIRST, OTHER = PREFIX + "worker-0", PREFIX + "worker-1"


def running(roles=None, **spec):
    world = GangWorld(**({"roles": roles} if roles else {}), **spec)
    world.logs = {(FIRST, "main"): "accuracy=0.5", (OTHER, "main"): "accuracy=0.1"}
    return world.started_all()


def wanted(world):
    job = world.job
    return world.wanted(job, world.view(job.metadata.key, job.metadata))


def accuracy(world):
    found = world.status.metrics.get("accuracy")
    return found and found.value


def test_a_job_that_fails_by_another_pod_has_the_metrics_of_the_first():
    world = running()
    world.end("worker-1", 1)
    asked = wanted(world)
    assert (asked.log_of.metadata.name, asked.metrics_of.metadata.name) == (OTHER, FIRST)
    world.settle()
    assert (world.status.phase, accuracy(world)) == ("Failed", "0.5")
    assert PREFIX + "worker-1" in world.status.message


def test_what_the_failed_pod_says_still_explains_the_failure():
    world = running(entrypoint="trian")
    world.logs[OTHER, "main"] = "/usr/bin/python: No module named trian"
    world.end("worker-1", 1)
    world.settle()
    assert (world.status.reason, accuracy(world)) == ("EntrypointNotFound", "0.5")


def test_a_pod_that_the_cluster_took_away_leaves_the_metrics_of_the_first():
    world = running(infraBackoffLimit=0)
    world.evict("worker-1")
    world.settle()
    assert (world.status.reason, accuracy(world)) == ("Evicted", "0.5")


def test_where_the_first_itself_fails_its_own_words_count():
    world = running()
    world.end("worker-0", 1)
    assert wanted(world).metrics_of is None
    world.settle()
    assert accuracy(world) == "0.5"


def test_a_chief_comes_before_worker_0():
    world = running(SERVED)
    world.logs[PREFIX + "chief-0", "main"] = "accuracy=0.9"
    world.end("ps-0", 1)
    world.settle()
    assert (world.status.phase, accuracy(world)) == ("Failed", "0.9")


def test_nobody_asks_while_another_attempt_follows():
    world = running(backoffLimit=1)
    world.end("worker-1", 1)
    assert wanted(world).metrics_of is None
    world.settle()
    assert world.status.phase == "Restarting"


def test_a_first_pod_that_never_ran_is_not_asked():
    world = GangWorld([role(replicas=2)])
    world.logs = {(OTHER, "main"): "accuracy=0.1"}
    world.settle()
    world.start("worker-1")
    world.end("worker-1", 1)
    assert wanted(world).metrics_of is None
    world.settle()
    assert (world.status.phase, accuracy(world)) == ("Failed", None)


def test_a_first_pod_that_is_gone_leaves_none_rather_than_those_of_another():
    world = running()
    world.silent = True
    world.lose("worker-0")
    world.end("worker-1", 1)
    world.settle()
    assert (world.status.phase, accuracy(world)) == ("Failed", None)


@pytest.mark.parametrize("blame", ["program", "cluster"])
def test_its_log_is_waited_for_and_then_done_without(blame):
    world = running(infraBackoffLimit=0)
    world.unreadable = {world.pod("worker-0")["metadata"]["uid"]}
    if blame == "program":
        world.end("worker-1", 1)
    else:
        world.evict("worker-1")
    world.reconcile()
    assert world.status.phase == "Running"
    assert world.last.requeue_after == logs.RETRY_SECONDS
    world.pass_time(logs.PATIENCE_SECONDS)
    world.settle()
    assert (world.status.phase, accuracy(world)) == ("Failed", None)


def test_a_log_that_is_readable_again_in_time_is_read():
    world = running()
    world.unreadable = {world.pod("worker-0")["metadata"]["uid"]}
    world.end("worker-1", 1)
    world.reconcile()
    world.unreadable = set()
    world.settle()
    assert accuracy(world) == "0.5"
