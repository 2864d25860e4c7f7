"""Objects that are refused: reason Invalid, and a cause for each field that is wrong."""

from __future__ import annotations

import pytest
from raw_client import STRATEGIC
from specimens import config_map, deployment, pod, secret, widget

LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


async def test_a_refusal_names_the_object_and_each_field(server, config_maps):
    answer = await server.post(config_maps, config_map("A", labels={"a": "-"}))
    assert answer.refusal == (
        422,
        "Invalid",
        (
            f'ConfigMap "A" is invalid: [metadata.name: Invalid value: "A": {SUBDOMAIN}, '
            f'metadata.labels: Invalid value: "-": {LABEL_VALUE}]'
        ),
    )
    assert answer.body["details"] == {
        "name": "A",
        "kind": "ConfigMap",
        "causes": [
            {
                "reason": "FieldValueInvalid",
                "message": f'Invalid value: "A": {SUBDOMAIN}',
                "field": "metadata.name",
            },
            {
                "reason": "FieldValueInvalid",
                "message": f'Invalid value: "-": {LABEL_VALUE}',
                "field": "metadata.labels",
            },
        ],
    }


@pytest.mark.parametrize(
    ("metadata", "cause"),
    [
        ({"name": "a_b"}, ("FieldValueInvalid", "metadata.name")),
        ({"name": "a" * 254}, ("FieldValueInvalid", "metadata.name")),
        ({"labels": {"a b": "x"}}, ("FieldValueInvalid", "metadata.labels")),
        ({"labels": {"a": "x" * 64}}, ("FieldValueInvalid", "metadata.labels")),
        ({"labels": {"A.b/c": "x"}}, ("FieldValueInvalid", "metadata.labels")),
        ({"annotations": {"a b": "x"}}, ("FieldValueInvalid", "metadata.annotations")),
        ({"annotations": {"a": "x" * 2**18}}, ("FieldValueTooLong", "metadata.annotations")),
        ({"finalizers": ["a/b/c"]}, ("FieldValueInvalid", "metadata.finalizers")),
        ({"finalizers": ["x y/z"]}, ("FieldValueInvalid", "metadata.finalizers")),
        (
            {"finalizers": ["orphan", "foregroundDeletion"]},
            ("FieldValueInvalid", "metadata.finalizers"),
        ),
        ({"generateName": "A-", "name": None}, ("FieldValueInvalid", "metadata.name")),
    ],
    ids=[
        "name", "long name", "label", "long label", "label prefix", "annotation",
        "long annotation", "finalizer with two slashes", "finalizer", "finalizers that contradict",
        "generated name",
    ],
)  # fmt: skip
async def test_metadata_of_any_kind(server, config_maps, widgets, metadata, cause):
    for path, body in ((config_maps, config_map("a")), (widgets, widget("a"))):
        body["metadata"].update(metadata)
        answer = await server.post(path, body, dryRun="All")
        assert cause in answer.fields


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"containers": []}, ("FieldValueRequired", "spec.containers", "Required value")),
        (
            {"containers": [{"name": "A", "image": "i"}]},
            ("FieldValueInvalid", "spec.containers[0].name", 'Invalid value: "A": '),
        ),
        (
            {"containers": [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]},
            ("FieldValueDuplicate", "spec.containers[1].name", 'Duplicate value: "a"'),
        ),
        (
            {"containers": [{"name": "a"}]},
            ("FieldValueRequired", "spec.containers[0].image", "Required value"),
        ),
        (
            {"restartPolicy": "Sometimes"},
            (
                "FieldValueNotSupported",
                "spec.restartPolicy",
                'Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
            ),
        ),
        (
            {"activeDeadlineSeconds": 0},
            (
                "FieldValueInvalid",
                "spec.activeDeadlineSeconds",
                "Invalid value: 0: must be between 1 and 2147483647, inclusive",
            ),
        ),
        (
            {
                "containers": [
                    {
                        "name": "a",
                        "image": "i",
                        "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
                    }
                ]
            },
            (
                "FieldValueInvalid",
                "spec.containers[0].resources.requests",
                'Invalid value: "2": must be less than or equal to cpu limit of 1',
            ),
        ),
        (
            {
                "containers": [
                    {"name": "a", "image": "i", "resources": {"limits": {"nvidia.com/gpu": "0.5"}}}
                ]
            },
            (
                "FieldValueInvalid",
                "spec.containers[0].resources.limits[nvidia.com/gpu]",
                'Invalid value: "500m": must be an integer',
            ),
        ),
        (
            {"containers": [{"name": "a", "image": "i", "env": [{"name": ""}]}]},
            ("FieldValueRequired", "spec.containers[0].env[0].name", "Required value"),
        ),
        (
            {
                "containers": [
                    {"name": "a", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
                ]
            },
            (
                "FieldValueNotFound",
                "spec.containers[0].volumeMounts[0].name",
                'Not found: "v"',
            ),
        ),
        (
            {"containers": [{"name": "a", "image": "i", "ports": [{"containerPort": 0}]}]},
            ("FieldValueRequired", "spec.containers[0].ports[0].containerPort", "Required value"),
        ),
        (
            {"tolerations": [{"operator": "Exists", "value": "x", "key": "k"}]},
            ("FieldValueInvalid", "spec.tolerations[0].operator", 'Invalid value: "x": '),
        ),
        (
            {"nodeName": "A B"},
            ("FieldValueInvalid", "spec.nodeName", 'Invalid value: "A B": '),
        ),
        (
            {"schedulingGates": [{"name": "a b"}]},
            ("FieldValueInvalid", "spec.schedulingGates[0]", 'Invalid value: "a b": '),
        ),
        (
            {"volumes": [{"name": "v", "emptyDir": {}, "configMap": {"name": "c"}}]},
            (
                "FieldValueForbidden",
                "spec.volumes[0].configMap",
                "Forbidden: may not specify more than 1 volume type",
            ),
        ),
    ],
    ids=[
        "no containers", "container name", "two of a name", "no image", "restart policy",
        "deadline", "requests above limits", "half a device", "variable without name",
        "mount of nothing", "port", "toleration", "node name", "scheduling gate",
        "volume of two types",
    ],
)  # fmt: skip
async def test_pods(server, pods, spec, cause):
    body = pod("a")
    body["spec"].update(spec)
    answer = await server.post(pods, body, dryRun="All")
    assert (answer.status, answer.reason) == (422, "Invalid")
    reason, field, words = cause
    found = {one[1]: one for one in answer.causes}
    assert found[field][0] == reason
    assert found[field][2].startswith(words)


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"nodeName": "other"}, "spec"),
        ({"restartPolicy": "Never"}, "spec"),
        ({"containers": [{"name": "main", "image": "busybox", "env": [{"name": "A"}]}]}, "spec"),
    ],
    ids=["node", "restart policy", "environment"],
)
async def test_what_a_pod_is_cannot_be_changed(server, pods, patch, field):
    await server.made(pods, pod("a"))
    answer = await server.patch(f"{pods}/a", {"spec": patch})
    assert answer.fields == [("FieldValueForbidden", field)]
    assert answer.causes[0][2].startswith(
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
        "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
        "set to 1 if it was previously negative)"
    )


async def test_what_may_be_changed_of_a_pod_is(server, pods):
    await server.made(pods, pod("a"))
    patch = {
        "metadata": {"labels": {"l": "1"}},
        "spec": {"containers": [{"name": "main", "image": "other"}], "activeDeadlineSeconds": 5},
    }
    new = (await server.patch(f"{pods}/a", patch, STRATEGIC)).ok()
    assert new["spec"]["containers"][0]["image"] == "other"
    assert new["spec"]["activeDeadlineSeconds"] == 5


async def test_gates_are_taken_from_a_pod_and_not_put_on(server, pods):
    body = pod("a")
    body["spec"]["schedulingGates"] = [{"name": "x.io/gate"}]
    made = await server.made(pods, body)
    assert made["status"]["conditions"][0]["reason"] == "SchedulingGated"
    answer = await server.patch(f"{pods}/a", {"spec": {"schedulingGates": [{"name": "x.io/two"}]}})
    assert answer.fields == [("FieldValueForbidden", "spec.schedulingGates[0].name")]
    new = (await server.patch(f"{pods}/a", {"spec": {"schedulingGates": []}})).ok()
    assert "schedulingGates" not in new["spec"]
    assert new["spec"].get("nodeSelector") is None


async def test_a_gated_pod_may_still_be_told_where_to_go(server, pods):
    body = pod("a")
    body["spec"]["schedulingGates"] = [{"name": "x.io/gate"}]
    await server.made(pods, body)
    patch = {"spec": {"nodeSelector": {"pool": "gpu"}}}
    assert (await server.patch(f"{pods}/a", patch)).ok()["spec"]["nodeSelector"] == {"pool": "gpu"}
    answer = await server.patch(f"{pods}/a", {"spec": {"nodeSelector": {"pool": "cpu"}}})
    assert answer.fields == [("FieldValueInvalid", "spec.nodeSelector")]


async def test_a_selector_must_match_its_template(server, namespace):
    body = deployment("a")
    body["spec"]["selector"]["matchLabels"] = {"app": "other"}
    answer = await server.post(f"/apis/apps/v1/namespaces/{namespace}/deployments", body)
    assert answer.causes == [
        (
            "FieldValueInvalid",
            "spec.template.metadata.labels",
            'Invalid value: {"app":"a"}: `selector` does not match template `labels`',
        )
    ]


async def test_a_selector_cannot_be_changed(server, namespace):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await server.made(path, deployment("a"))
    patch = {
        "spec": {
            "selector": {"matchLabels": {"app": "b"}},
            "template": {"metadata": {"labels": {"app": "b"}}},
        }
    }
    answer = await server.patch(f"{path}/a", patch)
    assert answer.fields == [("FieldValueInvalid", "spec.selector")]
    assert answer.causes[0][2].endswith("field is immutable")


async def test_data_of_a_secret_is_encoded(server, secrets):
    answer = await server.post(secrets, secret("a", {"k": "not base64!"}))
    assert answer.refusal == (
        400,
        "BadRequest",
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 3',
    )


async def test_data_of_a_config_map_has_keys_that_are_file_names(server, config_maps):
    answer = await server.post(config_maps, config_map("a", {"a/b": "1", "..": "2"}))
    assert ("FieldValueInvalid", "data[a/b]") in answer.fields
    assert ("FieldValueInvalid", "data[..]") in answer.fields


async def test_data_of_a_config_map_has_a_size(server, config_maps):
    answer = await server.post(config_maps, config_map("a", {"k": "x" * (2**20 + 1)}))
    assert answer.causes == [
        ("FieldValueTooLong", "[]", "Too long: may not be more than 1048576 bytes")
    ]


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        (
            {"size": "big"},
            (
                "FieldValueTypeInvalid",
                "spec.size",
                'Invalid value: "string": spec.size in body must be of type integer: "string"',
            ),
        ),
        (
            {"size": 0},
            (
                "FieldValueInvalid",
                "spec.size",
                "Invalid value: 0: spec.size in body should be greater than or equal to 1",
            ),
        ),
        (
            {"size": 101},
            (
                "FieldValueInvalid",
                "spec.size",
                "Invalid value: 101: spec.size in body should be less than or equal to 100",
            ),
        ),
        (
            {"size": 1.5},
            (
                "FieldValueTypeInvalid",
                "spec.size",
                'Invalid value: "number": spec.size in body must be of type integer: "number"',
            ),
        ),
        (
            {"color": "pink"},
            (
                "FieldValueNotSupported",
                "spec.color",
                'Unsupported value: "pink": supported values: "red", "green", "blue"',
            ),
        ),
        (
            {"name": "toolongname"},
            ("FieldValueTooLong", "spec.name", "Too long: may not be more than 8 bytes"),
        ),
        (
            {"name": "A1"},
            (
                "FieldValueInvalid",
                "spec.name",
                "Invalid value: \"A1\": spec.name in body should match '^[a-z]*$'",
            ),
        ),
        (
            {"tags": ["a", "a"]},
            ("FieldValueDuplicate", "spec.tags[1]", 'Duplicate value: "a"'),
        ),
        (
            {"ports": [{"name": "a"}, {"name": "a"}]},
            ("FieldValueDuplicate", "spec.ports[1]", 'Duplicate value: {"name":"a"}'),
        ),
        (
            {"ports": [{"port": 1}]},
            ("FieldValueRequired", "spec.ports[0].name", "Required value"),
        ),
        (
            {"ports": [{"name": str(number)} for number in range(5)]},
            ("FieldValueTooMany", "spec.ports", "Too many: 5: must have at most 4 items"),
        ),
        (
            {"inner": "x"},
            (
                "FieldValueTypeInvalid",
                "spec.inner",
                'Invalid value: "string": spec.inner in body must be of type object: "string"',
            ),
        ),
        (
            {"steps": ["a", 5]},
            (
                "FieldValueTypeInvalid",
                "spec.steps[1]",
                ('Invalid value: "integer": spec.steps[1] in body must be of type string: '
                '"integer"'),
            ),
        ),
        (
            {"labels": {"a": 5}},
            (
                "FieldValueTypeInvalid",
                "spec.labels.a",
                ('Invalid value: "integer": spec.labels.a in body must be of type string: '
                '"integer"'),
            ),
        ),
        (
            {"amount": True},
            (
                "FieldValueTypeInvalid",
                "spec.amount",
                ('Invalid value: "boolean": spec.amount in body must be of type '
                'integer,string: "boolean"'),
            ),
        ),
    ],
    ids=[
        "type", "minimum", "maximum", "fraction", "enum", "length", "pattern", "set",
        "two entries of a key", "required", "too many", "object", "item", "value", "either type",
    ],
)  # fmt: skip
async def test_custom_resources(server, widgets, spec, cause):
    answer = await server.post(widgets, widget("a", spec), dryRun="All")
    assert (answer.status, answer.reason) == (422, "Invalid")
    assert cause in answer.causes


async def test_all_that_is_wrong_is_told_at_once(server, widgets):
    spec = {"size": 0, "color": "pink", "ports": [{}]}
    answer = await server.post(widgets, widget("a", spec))
    assert {field for _, field in answer.fields} == {
        "spec.size",
        "spec.color",
        "spec.ports[0].name",
    }


async def test_what_was_stored_wrong_may_stay_so_while_the_rest_changes(
    server, define, namespace, unique
):
    """A schema made stricter does not freeze what was stored before (KEP-4008)."""
    group = f"{unique}.example.com"
    definition = await define()
    path = f"/apis/{group}/v1/namespaces/{namespace}/widgets"
    await server.made(path, widget("a", {"size": 90, "color": "red"}, group=group))
    name = definition["metadata"]["name"]
    crd = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    where = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size/maximum"
    patch = [{"op": "replace", "path": where, "value": 50}]
    (await server.patch(crd, patch, "application/json-patch+json")).ok()
    too_big = widget("b", {"size": 60}, group=group)
    await server.asked_until(lambda one: one.status == 422, "POST", path, too_big, dryRun="All")
    assert (await server.patch(f"{path}/a", {"spec": {"color": "blue"}})).status == 200
    answer = await server.patch(f"{path}/a", {"spec": {"size": 80}})
    assert answer.fields == [("FieldValueInvalid", "spec.size")]
