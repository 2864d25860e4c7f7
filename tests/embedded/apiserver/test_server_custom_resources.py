"""CustomResourceDefinitions and their objects."""

from __future__ import annotations

import pytest
from api_caller import (
    APPLY,
    DEFINITIONS,
    FOOS,
    JSON_PATCH,
    SPEC,
    STRATEGIC,
    definition,
    foo,
    version,
)

NAME = f"{DEFINITIONS}/foos.test.io"


@pytest.fixture
async def foos(api):
    await api.made(DEFINITIONS, definition())
    return api


def condition(obj, type_):
    for one in obj["status"].get("conditions") or []:
        if one["type"] == type_:
            return one["status"], one["reason"]
    return None


async def test_a_definition_is_completed_and_established_at_once(api):
    made = await api.made(DEFINITIONS, definition())
    names = made["spec"]["names"]
    assert (names["singular"], names["listKind"]) == ("foo", "FooList")
    assert made["spec"]["conversion"] == {"strategy": "None"}
    assert made["status"]["storedVersions"] == ["v1"]
    stored = (await api.get(NAME)).body
    assert condition(stored, "NamesAccepted") == ("True", "NoConflicts")
    assert condition(stored, "Established") == ("True", "InitialNamesAccepted")
    assert stored["status"]["acceptedNames"] == names
    assert (await api.get(FOOS)).body["kind"] == "FooList"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": "other.io"}, 'must be spec.names.plural+"."+spec.group'),
        ({"scope": "Foo"}, 'spec.scope: Unsupported value: "Foo"'),
        ({"names": {"plural": "foos"}}, "spec.names.kind: Required value"),
        ({"versions": [version(storage=False)]}, "must have exactly one version marked as storage"),
        (
            {"versions": [{"name": "v1", "served": True, "storage": True}]},
            "spec.versions[0].schema.openAPIV3Schema: Required value",
        ),
        ({"versions": [version(), version(storage=False)]}, "Duplicate value"),
        ({"conversion": {"strategy": "Foo"}}, 'supported values: "None", "Webhook"'),
        ({"conversion": {"strategy": "Webhook"}}, "this server calls no webhooks"),
        ({"preserveUnknownFields": True}, "spec.preserveUnknownFields: Invalid value: true"),
        (
            {"versions": [version(spec={"properties": {}})]},
            "spec.validation.openAPIV3Schema.properties[spec].type: Required value",
        ),
        (
            {
                "versions": [
                    version(spec={**SPEC, "x-kubernetes-validations": [{"rule": "self.z"}]})
                ]
            },
            "undefined field 'z'",
        ),
        (
            {"versions": [version(selectableFields=[{"jsonPath": ".spec.nope"}])]},
            'spec.selectableFields[0].jsonPath: Invalid value: ".spec.nope": is an invalid path',
        ),
        (
            {"versions": [version(additionalPrinterColumns=[{"name": "A", "type": "foo"}])]},
            "must be one of boolean,date,integer,number,string",
        ),
        (
            {"versions": [version(subresources={"scale": {"specReplicasPath": ".foo.x"}})]},
            (
                'spec.subresources.scale.specReplicasPath: Invalid value: ".foo.x": should be '
                "a json path under .spec"
            ),
        ),
    ],
)
async def test_a_definition_that_makes_no_sense_is_refused(api, change, message):
    wrong = definition()
    wrong["spec"].update(change)
    refused = await api.post(DEFINITIONS, wrong)
    assert refused.status == 422, refused.text
    assert message in refused.message


async def test_names_that_another_has_are_not_accepted_until_it_goes(foos):
    await foos.made(DEFINITIONS, definition("Foo", "bars"))
    path = f"{DEFINITIONS}/bars.test.io"
    waiting = (await foos.get(path)).body
    assert condition(waiting, "NamesAccepted") == ("False", "KindConflict")
    assert condition(waiting, "Established") == ("False", "NotAccepted")
    assert (await foos.get("/apis/test.io/v1/namespaces/default/bars")).status == 404
    await foos.delete(NAME)
    await foos.until(path, lambda obj: condition(obj, "Established")[0] == "True")
    assert (await foos.get("/apis/test.io/v1/namespaces/default/bars")).status == 200


async def test_objects_are_pruned_defaulted_and_kept_without_status(foos):
    made = await foos.post(FOOS, {**foo("a", {"x": 1}), "status": {"a": 1}})
    assert made.warnings == ['299 - "unknown field \\"spec.x\\""']
    assert made.body["spec"] == {"n": 3}
    assert "status" not in made.body
    assert made.body["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (foo("b", {"n": "x"}), 422, "spec.n in body must be of type integer"),
        (foo("b", {"n": 101}), 422, "spec.n in body should be less than or equal to 100"),
        (foo("B_"), 422, 'metadata.name: Invalid value: "B_"'),
        (foo("b", labels={"a": "no!"}), 422, "metadata.labels"),
        (foo("b", annotations={"a": "x" * 300_000}), 422, "metadata.annotations: Too long"),
        ({"metadata": {"name": "b"}}, 400, "Object 'Kind' is missing"),
        ({**foo("b"), "kind": "Bar"}, 422, 'kind: Invalid value: "Bar": must be Foo'),
        (
            {**foo("b"), "apiVersion": "test.io/v2"},
            400,
            (
                "the API version in the data (test.io/v2) does not match the expected API version "
                "(test.io/v1)"
            ),
        ),
    ],
)
async def test_objects_that_break_the_schema_are_refused(foos, body, status, message):
    refused = await foos.post(FOOS, body)
    assert refused.status == status
    assert message in refused.message


async def test_put_needs_a_version(foos):
    await foos.made(FOOS, foo("a"))
    refused = await foos.put(f"{FOOS}/a", foo("a"))
    assert refused.message == (
        'foos.test.io "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be '
        "specified for an update"
    )


async def test_status_has_a_door_of_its_own_that_leaves_metadata_alone(foos):
    made = await foos.made(FOOS, foo("a"))
    both = {"spec": {"n": 7}, "status": {"z": 1}, "metadata": {"labels": {"no": "no"}}}
    status = await foos.patch(f"{FOOS}/a/status", both)
    assert (status.body["spec"], status.body["status"]) == ({"n": 3}, {"z": 1})
    assert "labels" not in status.body["metadata"]
    assert status.body["metadata"]["generation"] == 1
    spec = await foos.patch(f"{FOOS}/a", {"spec": {"n": 7}, "status": {"z": 2}})
    assert (spec.body["spec"], spec.body["status"]) == ({"n": 7}, {"z": 1})
    assert spec.body["metadata"]["generation"] == 2
    refused = await foos.put(f"{FOOS}/a/status", {**made, "status": {}})
    assert refused.status == 409


async def test_status_is_validated_too(api):
    status = {"type": "object", "properties": {"n": {"type": "integer"}}}
    typed = version()
    typed["schema"]["openAPIV3Schema"]["properties"]["status"] = status
    await api.made(DEFINITIONS, definition(versions=[typed]))
    await api.made(FOOS, foo("a"))
    refused = await api.patch(f"{FOOS}/a/status", {"status": {"n": "x"}})
    assert refused.status == 422
    pruned = await api.patch(f"{FOOS}/a/status", {"status": {"n": 1, "m": 2}})
    assert pruned.body["status"] == {"n": 1}


async def test_rules_see_the_old_object_in_a_transition(api):
    rules = [
        {"rule": "self.n <= 50", "message": "n is too large"},
        {"rule": "!has(oldSelf.s) || self.s == oldSelf.s", "message": "s is immutable"},
    ]
    spec = {**SPEC, "x-kubernetes-validations": rules}
    await api.made(DEFINITIONS, definition(versions=[version(spec=spec)]))
    refused = await api.post(FOOS, foo("a", {"n": 60}))
    assert "spec: Invalid value: " in refused.message
    assert "n is too large" in refused.message
    await api.made(FOOS, foo("a", {"s": "x"}))
    refused = await api.patch(f"{FOOS}/a", {"spec": {"s": "y"}})
    assert (refused.status, "s is immutable" in refused.message) == (422, True)


async def test_patches_that_custom_resources_take(foos):
    await foos.made(FOOS, foo("a"))
    refused = await foos.patch(f"{FOOS}/a", {"spec": {"n": 4}}, STRATEGIC)
    assert refused.status == 415
    assert "application/apply-patch+yaml" in refused.message
    patch = [{"op": "replace", "path": "/spec/n", "value": 5}]
    assert (await foos.patch(f"{FOOS}/a", patch, JSON_PATCH)).body["spec"]["n"] == 5
    applied = await foos.patch(f"{FOOS}/b", foo("b", {"s": "x"}), APPLY, fieldManager="m")
    assert applied.status == 201
    assert applied.body["spec"] == {"n": 3, "s": "x"}


async def test_one_object_is_served_in_every_version(api):
    versions = [version(), version("v1alpha1", storage=False), version("v2", storage=False)]
    versions[2]["served"] = False
    await api.made(DEFINITIONS, definition(versions=versions))
    await api.made(FOOS, foo("a", {"n": 1}))
    other = FOOS.replace("/v1/", "/v1alpha1/")
    got = (await api.get(f"{other}/a")).body
    assert (got["apiVersion"], got["spec"]) == ("test.io/v1alpha1", {"n": 1})
    changed = await api.patch(f"{other}/a", {"spec": {"n": 2}})
    assert changed.body["apiVersion"] == "test.io/v1alpha1"
    async with api.watch(FOOS) as stream:
        event = await stream.next()
    assert (event["object"]["apiVersion"], event["object"]["spec"]) == ("test.io/v1", {"n": 2})
    assert (await api.get(FOOS.replace("/v1/", "/v2/"))).status == 404
    groups = (await api.get("/apis/test.io")).body
    assert [one["version"] for one in groups["versions"]] == ["v1", "v1alpha1"]


async def test_a_new_storage_version_keeps_old_objects_readable(api):
    both = [version(), version("v2", storage=False)]
    await api.made(DEFINITIONS, definition(versions=both))
    await api.made(FOOS, foo("old"))
    both[0]["storage"], both[1]["storage"] = False, True
    changed = await api.patch(NAME, {"spec": {"versions": both}})
    assert changed.body["status"]["storedVersions"] == ["v1", "v2"]
    assert changed.body["metadata"]["generation"] == 2
    await api.made(FOOS, foo("new"))
    listed = await api.get(FOOS.replace("/v1/", "/v2/"))
    assert {item["apiVersion"] for item in listed.body["items"]} == {"test.io/v2"}
    assert listed.names == ["new", "old"]


async def test_a_changed_schema_holds_from_then_on(foos):
    await foos.made(FOOS, foo("a", {"n": 90}))
    properties = {**SPEC["properties"], "n": {"type": "integer", "maximum": 10}}
    narrow = version(spec={**SPEC, "properties": properties})
    assert (await foos.patch(NAME, {"spec": {"versions": [narrow]}})).status == 200
    assert (await foos.post(FOOS, foo("b", {"n": 90}))).status == 422
    assert (await foos.get(f"{FOOS}/a")).body["spec"]["n"] == 90


async def test_what_a_definition_may_not_change(foos):
    refused = await foos.patch(NAME, {"spec": {"scope": "Cluster"}})
    assert 'spec.scope: Invalid value: "Cluster": field is immutable' in refused.message


async def test_selectable_fields_select(api):
    fields = [{"jsonPath": ".spec.s"}]
    await api.made(DEFINITIONS, definition(versions=[version(selectableFields=fields)]))
    await api.made(FOOS, foo("a", {"s": "x"}))
    await api.made(FOOS, foo("b", {"s": "y"}))
    assert (await api.get(FOOS, fieldSelector="spec.s=x")).names == ["a"]
    refused = await api.get(FOOS, fieldSelector="spec.n=x")
    assert refused.message == "field label not supported: spec.n"


async def test_cluster_scoped_objects_have_no_namespace(api):
    await api.made(DEFINITIONS, definition("Bar", "bars", scope="Cluster"))
    bar = {"apiVersion": "test.io/v1", "kind": "Bar", "metadata": {"name": "b"}}
    made = await api.made("/apis/test.io/v1/bars", bar)
    assert "namespace" not in made["metadata"]
    assert (await api.get("/apis/test.io/v1/bars")).names == ["b"]


async def test_a_deleted_definition_takes_its_objects_and_is_served_no_more(foos):
    await foos.made(FOOS, foo("a"))
    await foos.made(FOOS, foo("held", finalizers=["x.io/f"]))
    deleted = await foos.delete(NAME)
    assert deleted.body["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    await foos.gone(f"{FOOS}/a")
    refused = await foos.post(FOOS, foo("late"))
    assert (refused.status, refused.reason) == (403, "Forbidden")
    waiting = (await foos.get(NAME)).body
    assert condition(waiting, "Terminating") == ("True", "InstanceDeletionInProgress")
    async with foos.watch(FOOS) as stream:
        await stream.next()
        await foos.patch(f"{FOOS}/held", {"metadata": {"finalizers": None}})
        assert (await stream.next())["type"] == "DELETED"
        assert await stream.next() is None  # The watch ends with the resource.
    await foos.gone(NAME)
    assert (await foos.get(FOOS)).status == 404
    await foos.made(DEFINITIONS, definition())
    assert (await foos.get(FOOS)).names == []


async def test_scale_where_it_is_declared(api):
    scale = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}
    subresources = {"status": {}, "scale": scale}
    await api.made(DEFINITIONS, definition(versions=[version(subresources=subresources)]))
    await api.made(FOOS, foo("a"))
    await api.patch(f"{FOOS}/a/status", {"status": {"n": 2}})
    got = (await api.get(f"{FOOS}/a/scale")).body
    assert (got["kind"], got["spec"], got["status"]) == ("Scale", {"replicas": 3}, {"replicas": 2})
    scaled = await api.patch(f"{FOOS}/a/scale", {"spec": {"replicas": 5}})
    assert scaled.body["spec"] == {"replicas": 5}
    assert (await api.get(f"{FOOS}/a")).body["spec"]["n"] == 5


async def test_columns_names_and_categories_are_published(api):
    columns = [{"name": "N", "type": "integer", "jsonPath": ".spec.n"}]
    declared = definition(versions=[version(additionalPrinterColumns=columns)])
    declared["spec"]["names"]["categories"] = ["ml"]
    await api.made(DEFINITIONS, declared)
    await api.made(FOOS, foo("a"))
    table = await api.get(FOOS, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [column["name"] for column in table.body["columnDefinitions"]] == ["Name", "N"]
    assert table.body["rows"][0]["cells"] == ["a", 3]
    resource = (await api.get("/apis/test.io/v1")).body["resources"][0]
    assert (resource["shortNames"], resource["categories"]) == (["fo"], ["ml"])
