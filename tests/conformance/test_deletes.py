"""DELETE: preconditions, finalizers, grace, propagation policies, collections."""

from __future__ import annotations

import pytest
from specimens import config_map, deployment, pod

OTHER_UID = "00000000-0000-0000-0000-000000000000"
HOLD = "example.com/hold"


@pytest.fixture
async def path(server, config_maps):
    await server.made(config_maps, config_map("a"))
    return f"{config_maps}/a"


@pytest.fixture
async def held(server, widgets, new_widget):
    """The path of a custom resource that a finalizer holds back; it is let go afterwards."""
    await server.made(widgets, new_widget("a", finalizers=[HOLD]))
    yield f"{widgets}/a"
    await server.patch(f"{widgets}/a", {"metadata": {"finalizers": None}})


async def test_a_delete_answers_with_what_is_gone(server, path):
    uid = (await server.found(path))["metadata"]["uid"]
    assert (await server.delete(path)).ok() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "a", "kind": "configmaps", "uid": uid},
    }
    assert (await server.get(path)).status == 404


async def test_what_is_gone_of_a_group_is_named_with_it(server, widgets, new_widget):
    made = await server.made(widgets, new_widget("a"))
    assert (await server.delete(f"{widgets}/a")).body["details"] == {
        "name": "a",
        "group": "conformance.example.com",
        "kind": "widgets",
        "uid": made["metadata"]["uid"],
    }


async def test_the_delete_of_a_pod_answers_with_the_pod(server, pods):
    made = await server.made(pods, pod("a"))
    gone = (await server.delete(f"{pods}/a")).ok()
    assert (gone["kind"], gone["metadata"]["uid"]) == ("Pod", made["metadata"]["uid"])


async def test_what_is_not_there_cannot_be_deleted(server, config_maps):
    answer = await server.delete(f"{config_maps}/none")
    assert answer.refusal == (404, "NotFound", 'configmaps "none" not found')


class TestPreconditions:
    """A delete meets the object that was meant, or none."""

    async def test_another_objects_uid_is_a_conflict(self, server, path):
        uid = (await server.found(path))["metadata"]["uid"]
        answer = await server.delete(path, {"preconditions": {"uid": OTHER_UID}})
        assert answer.refusal == (
            409,
            "Conflict",
            (
                'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition '
                f"({OTHER_UID}) does not match the UID in record ({uid}). The object might have "
                f"been "
                "deleted and then recreated"
            ),
        )
        assert answer.body["details"] == {"name": "a", "kind": "ConfigMap"}

    async def test_another_version_is_a_conflict(self, server, path):
        version = (await server.found(path))["metadata"]["resourceVersion"]
        answer = await server.delete(path, {"preconditions": {"resourceVersion": "1"}})
        assert answer.refusal == (
            409,
            "Conflict",
            (
                'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the '
                f"precondition (1) does not match the ResourceVersion in record ({version}). The "
                "object might have been modified"
            ),
        )

    async def test_those_of_the_object_are_met(self, server, path):
        metadata = (await server.found(path))["metadata"]
        conditions = {name: metadata[name] for name in ("uid", "resourceVersion")}
        assert (await server.delete(path, {"preconditions": conditions})).status == 200

    async def test_they_hold_for_custom_resources(self, server, held):
        answer = await server.delete(held, {"preconditions": {"uid": OTHER_UID}})
        assert (answer.status, answer.reason) == (409, "Conflict")
        assert "deletionTimestamp" not in (await server.found(held))["metadata"]


class TestFinalizers:
    """What holds an object back until its work is done."""

    async def test_an_object_with_one_is_marked_and_stays(self, server, held):
        before = await server.found(held)
        answer = await server.delete(held)
        assert answer.ok() == await server.found(held)
        metadata = answer.metadata
        assert metadata["deletionGracePeriodSeconds"] == 0
        assert metadata["deletionTimestamp"] >= before["metadata"]["creationTimestamp"]
        assert metadata["finalizers"] == [HOLD]
        assert int(metadata["resourceVersion"]) > int(before["metadata"]["resourceVersion"])

    async def test_the_mark_counts_as_a_change_of_what_is_wanted(self, server, held):
        assert (await server.delete(held)).metadata["generation"] == 2

    async def test_the_mark_is_a_modification_to_watchers(self, server, held, widgets):
        start = (await server.found(held))["metadata"]["resourceVersion"]
        await server.delete(held)
        await server.patch(held, {"metadata": {"finalizers": None}})
        async with server.watch(widgets, resourceVersion=start) as stream:
            assert await stream.take(2) == [("MODIFIED", "a"), ("DELETED", "a")]

    async def test_a_second_delete_changes_nothing(self, server, held):
        first = (await server.delete(held)).ok()
        assert (await server.delete(held)).ok() == first

    async def test_the_last_one_removed_ends_the_object(self, server, held):
        await server.delete(held)
        answer = await server.patch(held, {"metadata": {"finalizers": []}})
        assert answer.ok()["metadata"]["name"] == "a"
        assert (await server.get(held)).status == 404

    async def test_one_of_two_removed_does_not(self, server, held):
        both = {"metadata": {"finalizers": [HOLD, "example.com/more"]}}
        await server.patch(held, both)
        await server.delete(held)
        await server.patch(held, {"metadata": {"finalizers": ["example.com/more"]}})
        assert (await server.get(held)).status == 200
        await server.patch(held, {"metadata": {"finalizers": []}})
        assert (await server.get(held)).status == 404

    async def test_the_last_one_removed_by_an_update_ends_the_object(self, server, held):
        obj = (await server.delete(held)).ok()
        del obj["metadata"]["finalizers"]
        assert (await server.put(held, obj)).status == 200
        assert (await server.get(held)).status == 404

    async def test_no_new_one_is_added_after_the_mark(self, server, held):
        await server.delete(held)
        patch = {"metadata": {"finalizers": [HOLD, "example.com/late"]}}
        answer = await server.patch(held, patch)
        assert (answer.status, answer.reason) == (422, "Invalid")
        message = (
            "Forbidden: no new finalizers can be added if the object is being deleted, found new "
            'finalizers []string{"example.com/late"}'
        )
        assert set(answer.causes) == {("FieldValueForbidden", "metadata.finalizers", message)}

    async def test_they_are_not_removed_through_status(self, server, held):
        await server.delete(held)
        patch = {"metadata": {"finalizers": None}, "status": {"phase": "Done"}}
        assert (await server.patch(f"{held}/status", patch)).metadata["finalizers"] == [HOLD]

    async def test_what_is_marked_can_still_be_changed(self, server, held):
        await server.delete(held)
        assert (await server.patch(held, {"spec": {"size": 9}})).ok()["spec"]["size"] == 9
        answer = await server.patch(f"{held}/status", {"status": {"phase": "Ending"}})
        assert answer.ok()["status"] == {"phase": "Ending"}

    async def test_the_mark_cannot_be_taken_away(self, server, held):
        marked = (await server.delete(held)).metadata["deletionTimestamp"]
        answer = await server.patch(held, {"metadata": {"deletionTimestamp": None}})
        assert answer.metadata["deletionTimestamp"] == marked

    async def test_the_name_is_not_free_before_the_end(self, server, held, widgets, new_widget):
        await server.delete(held)
        answer = await server.post(widgets, new_widget("a"))
        assert answer.refusal == (
            409,
            "AlreadyExists",
            'object is being deleted: widgets.conformance.example.com "a" already exists',
        )

    async def test_one_on_an_object_that_is_not_deleted_holds_nothing(self, server, held):
        await server.patch(held, {"metadata": {"finalizers": None}})
        assert (await server.delete(held)).body["status"] == "Success"


class TestPropagation:
    """The policy becomes a finalizer, on which the garbage collector acts."""

    @pytest.mark.parametrize(
        ("policy", "finalizers"),
        [
            ("Foreground", [HOLD, "foregroundDeletion"]),
            ("Orphan", [HOLD, "orphan"]),
            ("Background", [HOLD]),
        ],
    )
    async def test_a_policy_is_kept_with_the_object(self, server, held, policy, finalizers):
        answer = await server.delete(held, {"propagationPolicy": policy})
        assert sorted(answer.metadata["finalizers"]) == sorted(finalizers)

    async def test_the_last_policy_counts(self, server, held):
        for policy in ("Foreground", "Orphan"):
            answer = await server.delete(held, {"propagationPolicy": policy}, dryRun="All")
        assert sorted(answer.metadata["finalizers"]) == sorted([HOLD, "orphan"])

    async def test_the_old_way_to_say_it_is_understood(self, server, held):
        answer = await server.delete(held, {"orphanDependents": True})
        assert sorted(answer.metadata["finalizers"]) == sorted([HOLD, "orphan"])

    async def test_it_may_stand_in_the_query(self, server, held):
        answer = await server.delete(held, propagationPolicy="Foreground")
        assert sorted(answer.metadata["finalizers"]) == ["example.com/hold", "foregroundDeletion"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                {"propagationPolicy": "Sideways"},
                (
                    'propagationPolicy: Unsupported value: "Sideways": supported values: '
                    '"Foreground", "Background", "Orphan", "nil"'
                ),
            ),
            (
                {"propagationPolicy": "Orphan", "orphanDependents": True},
                (
                    'propagationPolicy: Invalid value: "Orphan": orphanDependents and '
                    "deletionPropagation cannot be both set"
                ),
            ),
        ],
        ids=["unknown", "said twice"],
    )
    async def test_what_makes_no_sense_is_refused(self, server, path, options, message):
        answer = await server.delete(path, options)
        start = 'DeleteOptions.meta.k8s.io "" is invalid: '
        assert answer.refusal == (422, "Invalid", start + message)


async def test_options_must_be_options(server, path):
    answer = await server.delete(path, config_map("a"))
    assert answer.status == server.told(400, oldest=500)
    answer = await server.delete(path, b"{")
    assert (answer.status, answer.reason) == server.told((400, "BadRequest"), oldest=(500, ""))


async def test_a_dry_run_answers_as_if_and_deletes_nothing(server, path, held):
    answer = await server.delete(path, dryRun="All")
    assert answer.body["status"] == "Success"
    assert (await server.get(path)).status == 200
    answer = await server.delete(held, {"dryRun": ["All"]})
    assert "deletionTimestamp" in answer.metadata
    assert "deletionTimestamp" not in (await server.found(held))["metadata"]


class TestGrace:
    """How long a pod gets to end, once it has a node."""

    @pytest.fixture
    async def placed(self, server, pods):
        """The path of a pod on a node that nobody runs."""
        body = pod("a")
        body["spec"]["nodeName"] = "nowhere"
        await server.made(pods, body)
        yield f"{pods}/a"
        await server.delete(f"{pods}/a", gracePeriodSeconds="0")

    async def test_a_pod_without_node_goes_at_once(self, server, pods):
        await server.made(pods, pod("a"))
        await server.delete(f"{pods}/a")
        assert (await server.get(f"{pods}/a")).status == 404

    async def test_a_pod_on_a_node_has_the_grace_it_asked_for(self, server, placed):
        metadata = (await server.delete(placed)).metadata
        assert metadata["deletionGracePeriodSeconds"] == 30
        assert metadata["deletionTimestamp"] > metadata["creationTimestamp"]

    async def test_the_delete_may_say_another(self, server, placed):
        answer = await server.delete(placed, {"gracePeriodSeconds": 7})
        assert answer.metadata["deletionGracePeriodSeconds"] == 7

    async def test_it_may_be_shortened_afterwards(self, server, placed):
        await server.delete(placed)
        answer = await server.delete(placed, {"gracePeriodSeconds": 5})
        assert answer.metadata["deletionGracePeriodSeconds"] == 5

    async def test_it_may_not_be_lengthened_afterwards(self, server, placed):
        await server.delete(placed, {"gracePeriodSeconds": 5})
        answer = await server.delete(placed, {"gracePeriodSeconds": 50})
        assert answer.metadata["deletionGracePeriodSeconds"] == 5

    async def test_none_ends_a_pod_at_once(self, server, placed):
        await server.delete(placed)
        await server.delete(placed, {"gracePeriodSeconds": 0})
        assert (await server.get(placed)).status == 404

    async def test_a_finished_pod_goes_at_once(self, server, placed):
        await server.patch(f"{placed}/status", {"status": {"phase": "Succeeded"}})
        await server.delete(placed)
        assert (await server.get(placed)).status == 404

    async def test_without_grace_a_finalizer_still_holds(self, server, placed):
        await server.patch(placed, {"metadata": {"finalizers": [HOLD]}})
        answer = await server.delete(placed, {"gracePeriodSeconds": 0})
        assert answer.metadata["deletionGracePeriodSeconds"] == 0
        assert (await server.get(placed)).status == 200
        await server.patch(placed, {"metadata": {"finalizers": None}})
        assert (await server.get(placed)).status == 404

    async def test_within_grace_an_object_without_finalizers_stays(self, server, placed):
        await server.patch(placed, {"metadata": {"finalizers": [HOLD]}})
        await server.delete(placed)
        await server.patch(placed, {"metadata": {"finalizers": None}})
        assert (await server.get(placed)).status == 200


class TestCollections:
    """DELETE of what a list shows."""

    @pytest.fixture
    async def several(self, server, secrets):
        for name, labels in (("a", {"l": "1"}), ("b", {"l": "1"}), ("c", {})):
            body = {"metadata": {"name": name, "labels": labels}}
            await server.made(secrets, body)
        return secrets

    async def test_all_go_and_are_listed(self, server, several):
        answer = await server.delete(several)
        assert answer.ok()["kind"] == "SecretList"
        assert sorted(answer.names) == ["a", "b", "c"]
        assert (await server.get(several)).names == []

    async def test_labels_select(self, server, several):
        assert sorted((await server.delete(several, labelSelector="l=1")).names) == ["a", "b"]
        assert (await server.get(several)).names == ["c"]

    async def test_fields_select(self, server, several):
        assert (await server.delete(several, fieldSelector="metadata.name=b")).names == ["b"]
        assert (await server.get(several)).names == ["a", "c"]

    async def test_what_a_finalizer_holds_is_marked(self, server, several):
        await server.patch(f"{several}/a", {"metadata": {"finalizers": [HOLD]}})
        await server.delete(several)
        answer = await server.get(several)
        assert answer.names == ["a"]
        assert "deletionTimestamp" in answer.body["items"][0]["metadata"]
        await server.patch(f"{several}/a", {"metadata": {"finalizers": None}})

    async def test_a_dry_run_deletes_nothing(self, server, several):
        await server.delete(several, dryRun="All")
        assert (await server.get(several)).names == ["a", "b", "c"]

    async def test_not_over_all_namespaces(self, server):
        answer = await server.delete("/api/v1/secrets")
        assert (answer.status, answer.reason) == (405, "MethodNotAllowed")

    async def test_not_for_every_kind(self, server):
        answer = await server.delete("/api/v1/namespaces")
        assert (answer.status, answer.reason) == (405, "MethodNotAllowed")


async def test_the_delete_of_a_kind_with_children_says_what_becomes_of_them(server, namespace):
    """A Job's pods stay unless told otherwise: so it was before there was a choice."""
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "i"}]}}
    body = {"metadata": {"name": "a"}, "spec": {"suspend": True, "template": template}}
    await server.made(path, body)
    answer = await server.delete(f"{path}/a", dryRun="All")
    assert answer.warnings == (
        (
            '299 - "child pods are preserved by default when jobs are deleted; set '
            "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to "
            "suppress "
            'this warning"'
        ),
    )
    answer = await server.delete(f"{path}/a", {"propagationPolicy": "Background"}, dryRun="All")
    assert answer.warnings == ()


async def test_the_delete_of_a_deployment_takes_its_children(server, namespace):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await server.made(path, deployment("a"))
    answer = await server.delete(f"{path}/a")
    assert answer.body["status"] == "Success"
