"""A collective that the cluster takes a member from: by its image, a user, or a node."""

from gang_world import FIRST, PREFIX, SECOND, GangWorld, role

from controllers.jobs.life.lifecycle import IMAGE_PATIENCE
from controllers.jobs.life.nodes import NODE_PATIENCE
from mlctl_core.objects.kinds import NODE, POD


def test_a_member_that_never_gets_its_image_is_the_cluster_s_failure():
    world = GangWorld()
    world.settle()
    world.start("worker-0", "worker-2")
    world.hold_image("worker-1")
    world.settle()
    assert world.status.reason == "ImagePullFailed"
    world.pass_time(IMAGE_PATIENCE.total_seconds())
    world.settle()
    assert world.history() == [("worker-1", "ImagePullFailed", None)]


def test_a_member_that_somebody_deletes_costs_all_an_attempt_of_the_cluster_s_budget():
    world = GangWorld().started_all()
    world.delete(POD, PREFIX + "worker-2")
    world.cluster_tidies()
    assert world.history() == [("worker-2", "PodDeleted", None)]
    world.restarted()
    assert world.made() == FIRST + SECOND


def test_a_member_that_is_gone_without_a_trace_is_made_again_with_all_others():
    world = GangWorld().started_all()
    world.lose("worker-1")
    world.settle()
    assert world.history() == [("worker-1", "PodDeleted", None)]
    world.restarted()
    assert world.made() == FIRST + SECOND


def test_members_that_are_gone_together_count_once():
    world = GangWorld().started_all()
    world.lose("worker-1")
    world.lose("worker-2")
    world.settle()
    assert world.status.infra_restarts == 1


def test_a_member_that_a_lagging_cache_hides_is_not_given_up():
    world = GangWorld().started_all()
    world.silent = True
    world.lose("worker-1")
    world.pass_time(600)
    world.settle()
    assert world.status.phase == "Running"
    world.silent = False
    world.settle()
    assert world.status.phase == "Restarting"


def test_the_server_is_asked_for_the_member_that_is_missing():
    world = GangWorld().started_all()
    world.lose("worker-1")
    job = world.job
    wanted = world.wanted(job, world.view(job.metadata.key, job.metadata))
    assert wanted.pod == PREFIX + "worker-1"


def on_two_nodes(**spec):
    world = GangWorld(**spec)
    world.node("cpu-2")
    world.settle()
    world.bind(PREFIX + "worker-1", "cpu-2")
    world.start()
    world.settle()
    return world


def test_while_the_node_of_one_is_silent_the_job_waits_and_says_so():
    world = on_two_nodes()
    world.node("cpu-2", "Unknown")
    world.settle()
    assert world.status.reason == "NodeLost"
    assert "cpu-2" in world.status.message
    assert world.truths()["Running"] == "Unknown"
    world.pass_time(3600)
    world.settle()
    assert world.status.infra_restarts == 0
    world.node("cpu-2")
    world.settle()
    assert world.truths()["Running"] == "True"


def test_a_node_that_is_gone_takes_the_attempt_with_it():
    world = on_two_nodes()
    world.remove(NODE, "cpu-2")
    world.settle()
    assert world.status.infra_restarts == 0, "the cache of nodes may lag"
    world.pass_time(NODE_PATIENCE.total_seconds())
    world.settle()
    assert world.history() == [("worker-1", "NodeLost", None)]
    world.pass_time(600)
    world.cluster_tidies()
    world.pass_time(600)
    world.cluster_tidies()
    assert world.made() == FIRST + SECOND


def test_patience_with_one_node_is_not_used_up_by_the_silence_of_another():
    world = GangWorld([role("chief"), role(replicas=2, alone=True, decides="none")])
    world.node("cpu-2")
    world.settle()
    world.bind(PREFIX + "worker-0", "cpu-2")
    world.start("chief-0", "worker-0")
    world.node("cpu-2", "Unknown")
    world.settle()
    world.pass_time(NODE_PATIENCE.total_seconds() + 1)
    world.bind(PREFIX + "worker-1", "brand-new")
    world.settle()
    assert world.status.infra_restarts == 0, "the cache does not show the new node yet"


def test_a_pod_that_has_ended_needs_its_node_no_more():
    world = on_two_nodes()
    world.end("worker-1")
    world.settle()
    world.remove(NODE, "cpu-2")
    world.pass_time(3600)
    world.settle()
    assert world.truths()["Running"] == "True"
    world.end("worker-0")
    world.end("worker-2")
    world.settle()
    assert world.status.phase == "Succeeded"
