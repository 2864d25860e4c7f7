import attrs
import pytest
from job_world import JOB, World

from controllers import pythonjob
from controllers.jobs.facts import Wanted
from mlctl_core.objects.kinds import CONFIG_MAP, POD
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.reconcile.plan import Plan

POD_NAME = "pyjob-mnist-worker-0"


@pytest.fixture
def world():
    return World()


def started(world, **spec):
    world.submit(**spec)
    world.settle()
    return world


def test_a_job_goes_from_nothing_to_succeeded_with_its_metric(world):
    world.logs["main"] = "epoch 1\naccuracy=0.97\n"
    seen = []
    world.submit()
    world.settle()
    seen.append(world.status.phase)
    world.bind()
    world.settle()
    seen.append(world.status.phase)
    world.pass_time(3)
    world.run()
    world.settle()
    seen.append(world.status.phase)
    world.pass_time(60)
    world.finish(0)
    world.settle()
    seen.append(world.status.phase)
    assert seen == ["Scheduling", "Preparing", "Running", "Succeeded"]
    status = world.status
    assert status.metrics["accuracy"].value == "0.97"
    assert world.truths() == {"PodsReady": "False", "Running": "False", "Succeeded": "True"}
    assert status.running_seconds == 60
    assert status.completion_time == "2026-01-01T00:01:03Z"
    assert status.observed_generation == 1
    assert world.pods()[0]["metadata"]["finalizers"] == []
    assert world.events == []


def test_a_good_life_costs_one_pod_one_config_map_one_patch_and_at_most_five_status_writes(world):
    world.submit(dependencies=["pandas>=2"])
    world.settle()
    world.bind()
    world.settle()
    for reason in ("ContainerCreating", "PodInitializing"):
        world.wait(reason)
        world.settle()
    world.run()
    world.settle()
    world.finish(0)
    world.settle()
    writes = [(type(w).__name__, w.kind.name, getattr(w, "subresource", "")) for w in world.writes]
    statuses = [w for w in writes if w == ("Merge", "PythonJob", "status")]
    rest = [w for w in writes if w not in statuses]
    assert len(statuses) <= 4
    assert sorted(rest) == [
        ("Create", "ConfigMap", ""),
        ("Create", "Pod", ""),
        ("Merge", "Pod", ""),
    ]


def test_an_ended_job_with_everything_done_plans_nothing(world):
    started(world)
    world.finish(0)
    world.settle()
    plan = world.plan()
    assert plan == Plan()


@pytest.mark.parametrize("act", ["pending", "bound", "running"])
def test_a_job_deleted_at_any_time_leaves_nothing_behind(world, act):
    started(world)
    if act != "pending":
        world.bind()
    if act == "running":
        world.run()
    world.settle()
    world.delete(JOB, "mnist")
    assert not world.exists(JOB, "mnist")
    world.collect_garbage()
    for _ in range(3):
        world.kubelet_ends_deleted_pods()
        world.reconcile()
    world.kubelet_ends_deleted_pods()
    assert world.pods() == []
    assert not world.exists(CONFIG_MAP, "pyjob-mnist-code")


def test_a_job_deleted_in_the_foreground_lets_its_pod_go(world):
    started(world)
    world.run()
    world.settle()
    job = world.raw(JOB, "mnist")
    job["metadata"]["finalizers"] = ["foregroundDeletion"]
    world.put(JOB, job)
    world.delete(JOB, "mnist")
    world.settle()
    world.kubelet_ends_deleted_pods()
    assert world.pods() == []


def test_a_job_that_is_gone_releases_only_pods_that_are_being_deleted(world):
    started(world)
    world.delete(JOB, "mnist")
    plan = world.plan()
    assert not plan.patch
    assert not plan.delete


def test_a_pod_orphaned_by_cascade_orphan_can_be_deleted_later(world):
    started(world)
    world.delete(JOB, "mnist")
    pod = world.raw(POD, POD_NAME)
    pod["metadata"]["ownerReferences"] = []
    world.put(POD, pod)
    world.delete(POD, POD_NAME)
    world.reconcile()
    assert world.pods() == []


def test_the_same_name_created_at_once_waits_for_the_old_pod_and_never_adopts_it(world):
    started(world)
    world.run()
    world.settle()
    old = world.raw(POD, POD_NAME)["metadata"]["uid"]
    world.delete(JOB, "mnist")
    world.submit()
    world.settle()
    assert world.status.reason == "WaitingForOldPod"
    world.collect_garbage()
    world.settle()
    assert [p["metadata"]["uid"] for p in world.pods()] == [old], "still in its grace period"
    world.kubelet_ends_deleted_pods()
    world.settle()
    [pod] = world.pods()
    assert pod["metadata"]["uid"] != old
    assert world.status.phase == "Scheduling"
    assert world.status.infra_restarts == 0
    assert world.events == []


def test_a_foreign_pod_of_that_name_is_named_and_never_touched(world):
    world.add(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": POD_NAME, "namespace": "default"},
            "spec": {},
        }
    )
    world.submit()
    world.settle()
    assert world.status.reason == "NameTaken"
    assert f"Pod {POD_NAME}" in world.status.message
    assert [e.reason for e in world.events] == ["NameTaken"]
    assert world.last.requeue_after == 30
    world.remove(POD, POD_NAME)
    world.settle()
    assert world.status.reason == "WaitingForNode"


def code_of_the_user(world):
    world.user_config_maps["pyjob-mnist-code"] = ["train.py"]
    world.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "pyjob-mnist-code"}})


def test_a_users_own_config_map_may_have_the_name_that_inline_code_would_get(world):
    code_of_the_user(world)
    started(world, source={"configMap": {"name": "pyjob-mnist-code"}})
    assert world.status.reason == "WaitingForNode"
    assert len(world.pods()) == 1


def test_inline_code_never_overwrites_a_users_own_config_map(world):
    code_of_the_user(world)
    started(world)
    assert world.status.reason == "NameTaken"
    assert "ConfigMap pyjob-mnist-code" in world.status.message
    assert world.pods() == []


def test_a_quota_that_refuses_the_pod_is_told_once_and_tried_again(world):
    world.refuse_pods = 'pods "x" is forbidden: exceeded quota: team'
    world.submit()
    for _ in range(5):
        world.reconcile()
    assert world.status.reason == "QuotaExceeded"
    assert "exceeded quota: team" in world.status.message
    assert [e.reason for e in world.events] == ["QuotaExceeded"]
    world.refuse_pods = None
    world.settle()
    assert len(world.pods()) == 1
    assert world.status.reason == "WaitingForNode"


def test_a_priority_class_that_does_not_exist_is_told_with_its_field(world):
    world.refuse_pods = 'pods "x" is forbidden: no PriorityClass with name urgent was found'
    world.submit(priorityClassName="urgent")
    for _ in range(3):
        world.reconcile()
    assert world.status.reason == "PodRefused"
    assert world.status.message.startswith("spec.priorityClassName: ")
    assert "no PriorityClass with name urgent was found. Name one" in world.status.message


def test_suspend_deletes_the_pod_and_resume_starts_afresh_without_counting_a_failure(world):
    started(world)
    world.run()
    world.settle()
    world.pass_time(10)
    world.edit(suspend=True)
    world.settle()
    assert world.status.phase == "Suspended"
    world.kubelet_ends_deleted_pods()
    world.settle()
    assert world.pods() == []
    assert world.truths() == {"PodsReady": "False", "Running": "False", "Suspended": "True"}
    world.pass_time(100)
    world.edit(suspend=False)
    world.settle()
    [pod] = world.pods()
    assert pod["metadata"]["labels"]["mlctl.dev/attempt"] == "2"
    status = world.status
    assert (status.phase, status.restarts, status.infra_restarts) == ("Scheduling", 0, 0)
    assert status.running_seconds == 10
    assert status.start_time == "2026-01-01T00:01:50Z"
    assert world.truths()["Suspended"] == "False"
    assert world.events == []


@pytest.mark.parametrize("kept", ["phase", "condition"])
def test_either_sign_of_an_end_is_enough_to_never_start_again(world, kept):
    started(world)
    world.finish(0)
    world.settle()
    job = world.raw(JOB, "mnist")
    if kept == "phase":
        job["status"]["conditions"] = [{"type": "Running", "status": "True"}]
    else:
        job["status"]["phase"] = "Running"
    world.put(JOB, job)
    world.remove(POD, POD_NAME)
    world.settle()
    assert world.pods() == []


def test_a_job_held_between_two_attempts_goes_on_with_the_second(world):
    started(world, backoffLimit=1)
    world.finish(1)
    world.settle()
    assert world.status.phase == "Restarting"
    world.edit(suspend=True)
    world.settle()
    world.edit(suspend=False)
    world.settle()
    [pod] = world.pods()
    assert pod["metadata"]["labels"]["mlctl.dev/attempt"] == "2"


def test_a_pod_that_comes_to_light_when_its_job_is_held_already_is_stopped(world):
    started(world, backoffLimit=1)
    world.finish(1)
    world.settle()
    world.hold_back(POD)
    world.pass_time(5)
    for change in world.pending(world.plan())[:1]:
        world.write(change)
    world.fail_over()  # the next manager has not seen the pod
    world.edit(suspend=True)
    world.settle()
    assert world.status.phase == "Suspended"
    world.run()
    world.catch_up(POD)
    world.settle()
    world.kubelet_ends_deleted_pods()
    world.settle()
    assert (world.status.phase, world.pods()) == ("Suspended", [])
    world.edit(suspend=False)
    world.settle()
    assert [p["metadata"]["labels"]["mlctl.dev/attempt"] for p in world.pods()] == ["3"]


def test_a_job_that_is_created_suspended_makes_nothing(world):
    started(world, suspend=True)
    assert world.status.phase == "Suspended"
    assert world.pods() == []
    assert not world.exists(CONFIG_MAP, "pyjob-mnist-code")


def test_a_job_resumed_while_its_old_pod_still_ends_waits_for_it(world):
    started(world)
    world.run()
    world.settle()
    world.edit(suspend=True)
    world.settle()
    world.edit(suspend=False)
    world.settle()
    assert len(world.pods()) == 1
    world.kubelet_ends_deleted_pods()
    world.settle()
    [pod] = world.pods()
    assert pod["metadata"]["labels"]["mlctl.dev/attempt"] == "2"


def test_a_result_that_came_before_the_suspension_counts(world):
    started(world)
    world.finish(0)
    world.edit(suspend=True)
    world.settle()
    assert world.status.phase == "Succeeded"


@pytest.mark.parametrize(
    ("policy", "code", "kept"),
    [
        ("Running", 0, True),
        ("Running", 1, True),
        ("None", 1, True),
        ("All", 0, False),
        ("All", 1, False),
    ],
)
def test_clean_pod_policy_decides_about_ended_pods(world, policy, code, kept):
    started(world, cleanPodPolicy=policy)
    world.finish(code)
    world.settle()
    assert bool(world.pods()) == kept


def test_the_code_that_somebody_deletes_under_a_starting_pod_comes_back(world):
    started(world)
    world.delete(CONFIG_MAP, "pyjob-mnist-code")
    world.settle()
    assert world.exists(CONFIG_MAP, "pyjob-mnist-code")


def test_an_ended_job_whose_spec_is_edited_says_that_it_has_seen_it_and_nothing_else(world):
    started(world)
    world.finish(0)
    world.settle()
    before = world.status
    world.edit(ttlSecondsAfterFinished=3600)
    assert world.settle().requeue_after == 3600
    assert world.status == attrs.evolve(before, observed_generation=2)


def test_a_pod_ahead_of_a_stale_status_is_followed_and_never_replaced(world):
    started(world)
    pod = world.raw(POD, POD_NAME)
    pod["metadata"]["labels"]["mlctl.dev/attempt"] = "3"
    world.put(POD, pod)
    world.run()
    world.settle()
    assert world.status.phase == "Running"
    assert len(world.created) == 2


def test_a_suspended_job_asks_for_nothing(world):
    started(world, suspend=True, source={"configMap": {"name": "code"}})
    view = world.view(world.job.metadata.key, world.job.metadata)
    assert pythonjob.wanted(world.job, view) == Wanted()


def test_a_pods_labels_name_the_job_to_look_at_also_when_it_has_lost_its_owner(world):
    started(world)
    [entry] = world.stores[POD].list()
    assert list(pythonjob.named_job(entry.metadata)) == [("default", "mnist")]
    assert list(pythonjob.named_job(decode_metadata(b'{"metadata":{"name":"other"}}'))) == []
