from __future__ import annotations

import copy
import json

import pytest
from reconcile_objects import BY_NAME, obj, owner, stores

from mlctl_core.cache.store import Entry
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, NODE, POD, SECRET
from mlctl_core.reconcile.changes import (
    APPLIED_ANNOTATION,
    Apply,
    Create,
    Merge,
    Owner,
    PlanError,
    Refused,
    Remove,
    changes,
)
from mlctl_core.reconcile.plan import NAME_TAKEN, Delete, Patch, Plan
from mlctl_core.reconcile.view import UndeclaredKindError

ME = obj(CONFIG_MAP, "owner", status={"phase": "Running", "count": 1})
POD_BODY = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "n"}}


def sent(plan, *bodies, of=ME):
    return changes(owner(of), plan, stores(*bodies), BY_NAME)


def created(body=POD_BODY):
    """What the server holds after ``body`` was created for `ME`."""
    (create,) = sent(Plan(apply=[body]))
    metadata = {"uid": "uid-p", "resourceVersion": "7", **create.body["metadata"]}
    return copy.deepcopy({**create.body, "metadata": metadata, "status": {"phase": "Pending"}})


def test_what_is_absent_is_created_with_its_namespace_and_its_owner():
    (create,) = sent(Plan(apply=[POD_BODY]))
    assert isinstance(create, Create)
    assert create.key == ObjectKey("default", "p")
    assert create.body["metadata"]["namespace"] == "default"
    assert create.body["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "owner",
            "uid": "uid-owner",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def test_the_plans_own_objects_are_left_as_they_are():
    body = {**POD_BODY, "metadata": {"name": "p"}}
    sent(Plan(apply=[body]))
    assert body["metadata"] == {"name": "p"}


def test_nothing_is_sent_when_what_we_set_is_there():
    there = created()
    there["spec"]["restartPolicy"] = "Always"
    assert sent(Plan(apply=[POD_BODY]), there) == []


def test_an_object_from_a_list_lacks_its_type_and_is_no_difference_for_it():
    held = stores(created())
    (kept,) = held[POD].list()
    listed = {k: v for k, v in created().items() if k not in ("apiVersion", "kind")}
    held[POD].replace([Entry(json.dumps(listed).encode(), kept.metadata)], "2")
    assert changes(owner(ME), Plan(apply=[POD_BODY]), held, BY_NAME) == []


def test_a_field_that_differs_is_applied_onto_that_very_object():
    there = created()
    there["spec"]["nodeName"] = "other"
    (apply,) = sent(Plan(apply=[POD_BODY]), there)
    assert isinstance(apply, Apply)
    assert apply.body["metadata"]["uid"] == "uid-p"
    assert apply.body["spec"] == {"nodeName": "n"}


def test_a_field_that_is_not_given_any_more_is_a_difference():
    there = created({**POD_BODY, "spec": {"nodeName": "n", "priority": 1}})
    (apply,) = sent(Plan(apply=[POD_BODY]), there)
    assert isinstance(apply, Apply)
    before = there["metadata"]["annotations"][APPLIED_ANNOTATION]
    assert apply.body["metadata"]["annotations"][APPLIED_ANNOTATION] != before


def test_the_digest_does_not_depend_on_the_order_of_keys():
    turned = dict(reversed(POD_BODY.items()))
    assert sent(Plan(apply=[turned]), created()) == []


def test_an_object_of_another_controller_is_never_written_to():
    (refused,) = sent(Plan(apply=[POD_BODY]), obj(POD, "p", owner="uid-another"))
    assert isinstance(refused, Refused)
    assert refused.failure.reason == NAME_TAKEN
    assert "default/p exists already and belongs to ConfigMap owner" in refused.failure.message
    assert "with UID uid-another, not to UID uid-owner" in refused.failure.message


def test_an_object_without_a_controller_is_not_ours_either():
    (refused,) = sent(Plan(apply=[POD_BODY]), obj(POD, "p"))
    assert isinstance(refused, Refused)


def test_an_owner_that_was_made_anew_does_not_inherit_the_children():
    reborn = obj(CONFIG_MAP, "owner", metadata={"uid": "uid-second"})
    (refused,) = sent(Plan(apply=[POD_BODY]), created(), of=reborn)
    assert isinstance(refused, Refused)


def test_a_child_that_is_going_is_waited_for():
    there = created()
    there["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    there["spec"]["nodeName"] = "other"
    assert sent(Plan(apply=[POD_BODY]), there) == []


def test_an_object_that_is_to_have_no_owner_is_known_by_its_annotation():
    body = {**POD_BODY, "metadata": {"name": "p", "ownerReferences": []}}
    (create,) = sent(Plan(apply=[body]))
    assert create.controller_uid == ""
    there = created(body)
    there["spec"]["nodeName"] = "other"
    assert isinstance(sent(Plan(apply=[body]), there)[0], Apply)
    assert isinstance(sent(Plan(apply=[body]), obj(POD, "p"))[0], Refused)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"apiVersion": "v1", "kind": "Pod"}, "without metadata.name"),
        ({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}, "planner's owns"),
        (
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "far"}},
            "cannot own",
        ),
        ({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}, "cannot own"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_says_what_is_wrong(body, complaint):
    with pytest.raises(PlanError, match=complaint):
        sent(Plan(apply=[body]))


@pytest.mark.parametrize("there", [[], [obj(POD, "p", owner="uid-owner")]])
def test_two_wishes_for_one_object_are_refused_before_they_undo_each_other(there):
    spelled = {**POD_BODY, "metadata": {"name": "p", "namespace": "default"}}
    with pytest.raises(PlanError, match="applies v1/Pod default/p twice"):
        sent(Plan(apply=[POD_BODY, spelled]), *there)
    with pytest.raises(PlanError, match="both applies and deletes v1/Pod default/p"):
        sent(Plan(apply=[POD_BODY], delete=[Delete(kind=POD, name="p")]), *there)


def test_objects_of_one_name_in_two_namespaces_are_two():
    node = obj(NODE, "n")
    bodies = [{**POD_BODY, "metadata": {"name": "p", "namespace": n}} for n in ("a", "b")]
    assert len(sent(Plan(apply=bodies), of=node)) == 2


def test_an_owner_that_is_gone_cannot_own():
    gone = Owner(kind=CONFIG_MAP, key=ObjectKey("default", "owner"), metadata=None)
    with pytest.raises(PlanError, match="is gone and cannot own"):
        changes(gone, Plan(apply=[POD_BODY]), stores(), BY_NAME)


def test_the_status_is_sent_as_what_differs_from_the_very_version_that_was_seen():
    (merge,) = sent(Plan(status={"phase": "Succeeded", "count": 1}))
    assert isinstance(merge, Merge)
    assert merge.subresource == "status"
    assert merge.body == {
        "status": {"phase": "Succeeded"},
        "metadata": {"uid": "uid-owner", "resourceVersion": "1"},
    }


def test_a_field_that_left_the_status_is_removed():
    (merge,) = sent(Plan(status={"phase": "Running"}))
    assert merge.body["status"] == {"count": None}


def test_a_status_that_is_so_already_is_not_sent():
    assert sent(Plan(status={"phase": "Running", "count": 1, "reason": None})) == []


def test_no_status_leaves_the_status_alone():
    assert sent(Plan()) == []


def test_a_patch_carries_its_preconditions_and_only_goes_out_if_it_changes_something():
    there = obj(POD, "p", metadata={"finalizers": ["f"]})
    patch = Patch(
        kind=POD,
        name="p",
        body={"metadata": {"finalizers": None}},
        uid="uid-p",
        resource_version="1",
    )
    (merge,) = sent(Plan(patch=[patch]), there)
    assert merge.body == {"metadata": {"finalizers": None, "uid": "uid-p", "resourceVersion": "1"}}
    assert sent(Plan(patch=[patch]), obj(POD, "p")) == []


def test_a_delete_carries_the_uid_that_was_seen():
    (remove,) = sent(Plan(delete=[Delete(kind=POD, name="p")]), obj(POD, "p"))
    assert isinstance(remove, Remove)
    assert remove.uid == "uid-p"


@pytest.mark.parametrize(
    ("delete", "there"),
    [
        (Delete(kind=POD, name="p"), []),
        (Delete(kind=POD, name="p", uid="uid-before"), [obj(POD, "p")]),
        (
            Delete(kind=POD, name="p"),
            [obj(POD, "p", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})],
        ),
    ],
)
def test_what_is_gone_or_going_or_another_is_not_deleted(delete, there):
    assert sent(Plan(delete=[delete]), *there) == []


def test_a_shorter_grace_is_asked_for_though_the_object_is_going():
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30}
    there = obj(POD, "p", metadata=going)
    now = Delete(kind=POD, name="p", grace_period_seconds=0)
    assert isinstance(sent(Plan(delete=[now]), there)[0], Remove)
    later = Delete(kind=POD, name="p", grace_period_seconds=30)
    assert sent(Plan(delete=[later]), there) == []


def test_writes_go_out_in_the_order_apply_patch_delete_status():
    plan = Plan(
        status={},
        delete=[Delete(kind=POD, name="old")],
        patch=[Patch(kind=POD, name="held", body={"metadata": {"labels": {"a": "b"}}})],
        apply=[POD_BODY],
    )
    found = sent(plan, obj(POD, "old"), obj(POD, "held"))
    assert [type(c) for c in found] == [Create, Merge, Remove, Merge]


def test_the_namespace_of_a_cluster_scoped_owners_writes_must_be_said():
    node = obj(NODE, "n")
    with pytest.raises(PlanError, match="without a namespace"):
        sent(Plan(delete=[Delete(kind=POD, name="p")]), of=node)
    assert sent(Plan(delete=[Delete(kind=NODE, name="m")]), obj(NODE, "m"), of=node)


def test_a_write_to_a_kind_that_was_not_declared_is_a_planners_mistake():
    with pytest.raises(UndeclaredKindError):
        sent(Plan(delete=[Delete(kind=SECRET, name="s")]))
