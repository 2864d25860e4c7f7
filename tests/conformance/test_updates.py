"""PUT: optimistic concurrency, what is kept, and what counts as a change."""

from __future__ import annotations

import copy

import pytest
from specimens import config_map, deployment, secret

MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


@pytest.fixture
async def made(server, config_maps):
    return await server.made(config_maps, config_map("a", {"k": "v"}, labels={"l": "1"}))


@pytest.fixture
def path(config_maps):
    return f"{config_maps}/a"


def changed(obj, **metadata):
    new = copy.deepcopy(obj)
    new["metadata"].update(metadata)
    return new


async def test_an_update_replaces_the_whole(server, path, made):
    version = made["metadata"]["resourceVersion"]
    body = config_map("a", {"other": "x"}, resourceVersion=version)
    new = (await server.put(path, body)).ok()
    assert new["data"] == {"other": "x"}
    assert "labels" not in new["metadata"]
    assert int(new["metadata"]["resourceVersion"]) > int(version)
    assert await server.found(path) == new


async def test_identity_and_age_survive_an_update_that_leaves_them_out(server, path, made):
    new = (await server.put(path, config_map("a"))).ok()
    for name in ("uid", "creationTimestamp"):
        assert new["metadata"][name] == made["metadata"][name]


async def test_an_update_of_an_old_version_is_a_conflict(server, path, made):
    (await server.put(path, changed(made, labels={"l": "2"}))).ok()
    answer = await server.put(path, changed(made, labels={"l": "3"}))
    message = f'Operation cannot be fulfilled on configmaps "a": {MODIFIED}'
    assert answer.refusal == (409, "Conflict", message)
    assert answer.body["details"] == {"name": "a", "kind": "configmaps"}


async def test_only_one_of_two_updates_of_one_version_is_done(server, path, made):
    answers = [await server.put(path, changed(made, labels={"l": value})) for value in ("2", "3")]
    assert [answer.status for answer in answers] == [200, 409]


@pytest.mark.parametrize("version", ["", "0"], ids=["no version", "version 0"])
async def test_without_a_version_a_built_in_object_is_replaced_whatever_it_is(
    server, path, made, version
):
    assert (await server.put(path, config_map("a", resourceVersion=version))).status == 200


@pytest.mark.parametrize("version", ["", "0"], ids=["no version", "version 0"])
async def test_a_custom_resource_is_replaced_only_at_a_version(
    server, widgets, new_widget, version
):
    await server.made(widgets, new_widget("a"))
    answer = await server.put(f"{widgets}/a", new_widget("a", resourceVersion=version))
    assert answer.refusal == (
        422,
        "Invalid",
        (
            'widgets.conformance.example.com "a" is invalid: metadata.resourceVersion: '
            "Invalid value: 0: must be specified for an update"
        ),
    )


async def test_a_version_that_is_none_is_refused(server, path, made):
    answer = await server.put(path, changed(made, resourceVersion="abc"))
    message = 'strconv.ParseUint: parsing "abc": invalid syntax'
    assert answer.refusal == (500, "", message)


async def test_an_update_that_changes_nothing_keeps_the_version(server, path, made):
    assert (await server.put(path, made)).ok() == made


async def test_what_is_not_there_cannot_be_replaced(server, path):
    answer = await server.put(path, config_map("a"))
    assert answer.refusal == (404, "NotFound", 'configmaps "a" not found')


async def test_a_lease_that_is_not_there_is_created_by_an_update(server, namespace):
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/a"
    body = {"metadata": {"name": "a"}, "spec": {"holderIdentity": "me"}}
    assert (await server.put(path, body)).ok(201)["spec"]["holderIdentity"] == "me"


async def test_the_name_must_be_that_of_the_request(server, path, made):
    answer = await server.put(path, config_map("b"))
    message = "the name of the object (b) does not match the name on the URL (a)"
    assert answer.refusal == (400, "BadRequest", message)


async def test_the_name_must_be_given(server, path, made):
    answer = await server.put(path, config_map(""))
    assert answer.refusal == (
        400,
        "BadRequest",
        "the name of the object (a based on URL) was undeterminable: name must be provided",
    )


async def test_the_namespace_must_be_that_of_the_request(server, path, made):
    answer = await server.put(path, config_map("a", namespace="elsewhere"))
    assert answer.refusal == (
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    )


async def test_another_objects_uid_is_a_conflict(server, path, made, namespace):
    other = "00000000-0000-0000-0000-000000000000"
    answer = await server.put(path, config_map("a", uid=other))
    assert answer.refusal == (
        409,
        "Conflict",
        (
            'Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: '
            "4, "
            f"Key: /registry/configmaps/{namespace}/a, ResourceVersion: 0, AdditionalErrorMsg: "
            f"Precondition failed: UID in precondition: {other}, UID in object meta: "
            f"{made['metadata']['uid']}"
        ),
    )


async def test_the_age_cannot_be_changed(server, path, made):
    new = (await server.put(path, changed(made, creationTimestamp="2001-01-01T00:00:00Z"))).ok()
    assert new["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]


async def test_an_object_cannot_be_marked_deleted_by_an_update(server, path, made):
    answer = await server.put(path, changed(made, deletionTimestamp="2001-01-01T00:00:00Z"))
    # The oldest version says it twice.
    assert set(answer.fields) == {("FieldValueInvalid", "metadata.deletionTimestamp")}


async def test_an_immutable_object_stays_as_it_is(server, config_maps):
    made = await server.made(config_maps, {**config_map("a", {"k": "1"}), "immutable": True})
    answer = await server.put(f"{config_maps}/a", {**made, "data": {"k": "2"}})
    assert answer.refusal == (
        422,
        "Invalid",
        'ConfigMap "a" is invalid: data: Forbidden: field is immutable when `immutable` is set',
    )


async def test_an_immutable_field_stays_as_it_is(server, secrets):
    made = await server.made(secrets, secret("a"))
    answer = await server.put(f"{secrets}/a", {**made, "type": "other/type"})
    assert answer.refusal == (
        422,
        "Invalid",
        'Secret "a" is invalid: type: Invalid value: "other/type": field is immutable',
    )


async def test_a_dry_run_answers_as_if_and_changes_nothing(server, path, made):
    new = (await server.put(path, {**made, "data": {"k": "2"}}, dryRun="All")).ok()
    assert new["data"] == {"k": "2"}
    assert new["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    assert await server.found(path) == made


async def test_a_collection_is_no_object_to_replace(server, config_maps):
    answer = await server.put(config_maps, config_map("a"))
    assert (answer.status, answer.reason) == (405, "MethodNotAllowed")


class TestGeneration:
    """What is wanted is counted; what is, and what it is called, is not."""

    @pytest.fixture
    async def app(self, server, namespace):
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        await server.made(path, deployment("a"))
        return f"{path}/a"

    @pytest.fixture
    async def thing(self, server, widgets, new_widget):
        await server.made(widgets, new_widget("a"))
        return f"{widgets}/a"

    async def generation(self, server, path, patch, **more):
        return (await server.patch(path, patch, **more)).ok()["metadata"]["generation"]

    async def test_a_change_of_spec_is_counted(self, server, app, thing):
        before = (await server.found(app))["metadata"]["generation"]
        assert await self.generation(server, app, {"spec": {"replicas": 1}}) == before + 1
        assert await self.generation(server, thing, {"spec": {"size": 5}}) == 2

    async def test_a_change_of_labels_is_not(self, server, thing):
        assert await self.generation(server, thing, {"metadata": {"labels": {"a": "b"}}}) == 1

    async def test_a_change_of_annotations_is_not_for_custom_resources(self, server, thing):
        assert await self.generation(server, thing, {"metadata": {"annotations": {"a": "b"}}}) == 1

    async def test_a_change_of_annotations_is_for_deployments(self, server, app):
        before = (await server.found(app))["metadata"]["generation"]
        patch = {"metadata": {"annotations": {"a": "b"}}}
        assert await self.generation(server, app, patch) == before + 1

    async def test_a_change_of_status_is_not(self, server, thing):
        patch = {"status": {"phase": "Done"}}
        answer = await server.patch(f"{thing}/status", patch)
        assert answer.ok()["status"] == {"phase": "Done"}
        assert answer.metadata["generation"] == 1

    async def test_a_change_that_is_none_is_not(self, server, thing):
        assert await self.generation(server, thing, {"spec": {"size": 3}}) == 1

    async def test_it_cannot_be_set(self, server, thing):
        assert await self.generation(server, thing, {"metadata": {"generation": 9}}) == 1

    async def test_a_custom_resource_without_status_door_counts_status_too(
        self, server, define, namespace, new_widget, unique
    ):
        await define(subresources={})
        group = f"{unique}.example.com"
        path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
        await server.made(path, new_widget("a", group=group))
        assert await self.generation(server, f"{path}/a", {"status": {"phase": "x"}}) == 2
