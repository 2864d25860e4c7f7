"""Objects as tables: what kubectl prints."""

from __future__ import annotations

import pytest
from raw_client import JSON, PARTIAL, PARTIAL_LIST, TABLE
from specimens import config_map, deployment, pod, secret, widget, widget_definition

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
AGE = r"\d+s"


def columns(answer):
    """Names; an asterisk stands before those of the wide form."""
    wide = {0: "", 1: "*"}
    return [wide[one["priority"]] + one["name"] for one in answer.ok()["columnDefinitions"]]


def rows(answer, *, aged=()):
    """Cells; ages, which only grow, by the word."""
    found = [list(row["cells"]) for row in answer.ok()["rows"]]
    for cells in found:
        for place in aged:
            assert cells[place].endswith("s"), cells
            cells[place] = "age"
    return found


async def test_a_list_of_config_maps(server, config_maps):
    await server.made(config_maps, config_map("a", {"k": "1", "l": "2"}))
    answer = await server.get(config_maps, accept=TABLE, fieldSelector="metadata.name=a")
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert columns(answer) == ["Name", "Data", "Age"]
    assert rows(answer, aged=[2]) == [["a", 2, "age"]]
    assert answer.version


async def test_the_name_is_a_name(server, config_maps):
    answer = await server.get(config_maps, accept=TABLE)
    first, second = answer.body["columnDefinitions"][:2]
    assert (first["type"], first["format"]) == ("string", "name")
    assert first["description"].startswith("Name must be unique within a namespace.")
    assert (second["type"], second["format"]) == ("string", "")


async def test_an_empty_list_has_columns(server, namespace):
    answer = await server.get(f"/api/v1/namespaces/{namespace}/services", accept=TABLE)
    assert columns(answer) == [
        "Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "*Selector",
    ]  # fmt: skip
    assert answer.body["rows"] == []


async def test_one_object_is_a_table_of_one_row(server, secrets):
    await server.made(secrets, secret("a", {"k": "YQ=="}))
    answer = await server.get(f"{secrets}/a", accept=TABLE)
    assert columns(answer) == ["Name", "Type", "Data", "Age"]
    assert rows(answer, aged=[3]) == [["a", "Opaque", 1, "age"]]


async def test_pods(server, pods):
    await server.made(pods, pod("a"))
    answer = await server.get(pods, accept=TABLE)
    assert columns(answer) == [
        "Name", "Ready", "Status", "Restarts", "Age",
        "*IP", "*Node", "*Nominated Node", "*Readiness Gates",
    ]  # fmt: skip
    none = "<none>"
    assert rows(answer, aged=[4]) == [["a", "0/1", "Pending", "0", "age", none, none, none, none]]


def ended(code, reason=""):
    return {"terminated": {"exitCode": code, "reason": reason}}


def container(state, restarts=0, *, ready=False):
    return {
        "name": "main",
        "image": "busybox",
        "imageID": "",
        "ready": ready,
        "restartCount": restarts,
        "state": state,
    }


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"phase": "Running", "containerStatuses": [container({"running": {}}, ready=True)],
          "conditions": [{"type": "Ready", "status": "True"}]}, ("1/1", "Running", "0")),
        ({"phase": "Succeeded", "containerStatuses": [container(ended(0, "Completed"))]},
         ("0/1", "Completed", "0")),
        ({"phase": "Failed", "containerStatuses": [container(ended(3, "Error"), 2)]},
         ("0/1", "Error", "2")),
        ({"phase": "Failed", "containerStatuses": [container(ended(9))]},
         ("0/1", "ExitCode:9", "0")),
        ({"phase": "Failed", "reason": "Evicted"}, ("0/1", "Evicted", "0")),
        ({"phase": "Pending", "containerStatuses": [
            container({"waiting": {"reason": "ImagePullBackOff"}})]},
         ("0/1", "ImagePullBackOff", "0")),
        ({"phase": "Pending", "conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
         ("0/1", "SchedulingGated", "0")),
    ],
    ids=["running", "completed", "error", "exit code", "reason", "waiting", "gated"],
)  # fmt: skip
async def test_the_state_of_a_pod_in_a_word(server, pods, status, shown):
    await server.made(pods, pod("a"))
    (await server.patch(f"{pods}/a/status", {"status": status})).ok()
    [cells] = rows(await server.get(f"{pods}/a", accept=TABLE))
    assert tuple(cells[1:4]) == shown


async def test_deployments(server, namespace):
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    await server.made(path, deployment("a", 3))
    answer = await server.get(path, accept=TABLE)
    assert columns(answer) == [
        "Name", "Ready", "Up-to-date", "Available", "Age", "*Containers", "*Images", "*Selector",
    ]  # fmt: skip
    assert rows(answer, aged=[4]) == [["a", "0/3", 0, 0, "age", "main", "busybox", "app=a"]]


async def test_leases(server, namespace):
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    await server.made(path, {"metadata": {"name": "a"}, "spec": {"holderIdentity": "me"}})
    answer = await server.get(path, accept=TABLE)
    assert columns(answer) == ["Name", "Holder", "Age"]
    assert rows(answer, aged=[2]) == [["a", "me", "age"]]


async def test_namespaces(server, namespace):
    answer = await server.get(f"/api/v1/namespaces/{namespace}", accept=TABLE)
    assert columns(answer) == ["Name", "Status", "Age"]
    assert rows(answer, aged=[2]) == [[namespace, "Active", "age"]]


@pytest.mark.parametrize(
    ("include", "kind"),
    [("", "PartialObjectMetadata"), ("Metadata", "PartialObjectMetadata"), ("Object", "ConfigMap")],
)
async def test_a_row_brings_its_object_as_far_as_is_asked(server, config_maps, include, kind):
    await server.made(config_maps, config_map("a", {"k": "1"}))
    query = {"includeObject": include} if include else {}
    answer = await server.get(f"{config_maps}/a", accept=TABLE, **query)
    [row] = answer.ok()["rows"]
    assert row["object"]["kind"] == kind
    assert row["object"]["metadata"]["name"] == "a"
    assert ("data" in row["object"]) == (kind == "ConfigMap")


async def test_a_row_may_come_without_its_object(server, config_maps):
    await server.made(config_maps, config_map("a"))
    answer = await server.get(f"{config_maps}/a", accept=TABLE, includeObject="None")
    assert answer.ok()["rows"][0].get("object") is None


async def test_what_makes_no_sense_to_include_is_refused(server, config_maps):
    await server.made(config_maps, config_map("a"))
    answer = await server.get(f"{config_maps}/a", accept=TABLE, includeObject="Half")
    assert (answer.status, answer.reason) == (400, "BadRequest")


async def test_writes_answer_with_tables_too(server, secrets):
    made = await server.post(secrets, secret("a"), accept=TABLE)
    assert (made.status, made.body["kind"]) == (201, "Table")
    patch = {"metadata": {"labels": {"a": "b"}}}
    assert rows(await server.patch(f"{secrets}/a", patch, accept=TABLE))[0][0] == "a"


async def test_a_refusal_is_no_table(server, secrets):
    missing = await server.get(f"{secrets}/a", accept=TABLE)
    assert missing.refusal == (404, "NotFound", 'secrets "a" not found')
    bad = await server.post(secrets, secret("A"), accept=TABLE)
    assert bad.refusal[:2] == (422, "Invalid")


async def test_the_first_form_that_is_known_is_taken(server, config_maps):
    await server.made(config_maps, config_map("a"))
    unknown = TABLE.replace("v=v1", "v=v9")
    answer = await server.get(f"{config_maps}/a", accept=f"{unknown}, {JSON}")
    assert answer.ok()["kind"] == "ConfigMap"
    answer = await server.get(f"{config_maps}/a", accept=f"{unknown}, {TABLE}, {JSON}")
    assert answer.ok()["kind"] == "Table"
    assert (await server.get(f"{config_maps}/a", accept=unknown)).status == 406


async def test_metadata_alone(server, config_maps):
    made = await server.made(config_maps, config_map("a", {"k": "1"}, labels={"x": "y"}))
    answer = await server.get(f"{config_maps}/a", accept=PARTIAL)
    assert answer.ok() == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": made["metadata"],
    }
    answer = await server.get(config_maps, accept=PARTIAL_LIST, labelSelector="x=y")
    assert answer.ok()["kind"] == "PartialObjectMetadataList"
    assert answer.names == ["a"]
    assert "data" not in answer.body["items"][0]


COLUMNS = [
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "description": "how big"},
    {"name": "Color", "type": "string", "jsonPath": ".spec.color"},
    {"name": "Up", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Up")].status'},
    {"name": "Any", "type": "string", "jsonPath": ".status.conditions[*].type", "priority": 1},
    {"name": "On", "type": "boolean", "jsonPath": ".spec.inner.on"},
    {"name": "N", "type": "number", "jsonPath": ".spec.free.n"},
    {"name": "Inner", "type": "string", "jsonPath": ".spec.inner"},
    {"name": "Steps", "type": "string", "jsonPath": ".spec.steps"},
    {"name": "First", "type": "string", "jsonPath": ".spec.steps[0]"},
    {"name": "Last", "type": "string", "jsonPath": ".spec.steps[-1:]"},
    {"name": "Text", "type": "string", "jsonPath": ".spec.size", "format": "int32"},
    {"name": "Wrong", "type": "integer", "jsonPath": ".spec.color"},
    {"name": "Quoted", "type": "string", "jsonPath": r".metadata.labels.a\.b/c"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]
FULL = {
    "size": 4,
    "color": "red",
    "inner": {"a": "x", "on": False},
    "steps": ["1", "2"],
    "free": {"n": 1.5},
}


class TestCustomResources:
    """Columns are those of the definition."""

    @pytest.fixture
    async def printed(self, server, define_shared, namespace):
        await define_shared("printed.example.com", additionalPrinterColumns=COLUMNS)
        return f"/apis/printed.example.com/v1/namespaces/{namespace}/widgets"

    async def test_cells_show_what_columns_point_at(self, server, printed):
        labels = {"a.b/c": "d"}
        await server.made(printed, widget("a", FULL, group="printed.example.com", labels=labels))
        conditions = [{"type": "Down", "status": "False"}, {"type": "Up", "status": "True"}]
        await server.patch(f"{printed}/a/status", {"status": {"conditions": conditions}})
        answer = await server.get(printed, accept=TABLE)
        assert columns(answer) == [
            "Name", "Size", "Color", "Up", "*Any", "On", "N", "Inner", "Steps", "First", "Last",
            "Text", "Wrong", "Quoted", "Age",
        ]  # fmt: skip
        assert rows(answer, aged=[14]) == [
            [
                "a", 4, "red", "True", "Down", False, 1.5, '{"a":"x","on":false}', '["1","2"]',
                "1", "2", "4", None, "d", "age",
            ]
        ]  # fmt: skip

    async def test_cells_of_what_is_not_there_are_empty(self, server, printed):
        await server.made(printed, widget("a", group="printed.example.com"))
        answer = await server.get(f"{printed}/a", accept=TABLE)
        assert rows(answer, aged=[14]) == [["a", 3, *[None] * 9, "3", None, None, "age"]]

    async def test_columns_are_described(self, server, printed):
        answer = await server.get(printed, accept=TABLE)
        size, color = answer.body["columnDefinitions"][1:3]
        assert size == {
            "name": "Size", "type": "integer", "format": "", "priority": 0,
            "description": "how big",
        }  # fmt: skip
        told = "Custom resource definition column (in JSONPath format): .spec.color"
        assert color["description"] == told
        assert answer.body["columnDefinitions"][11]["format"] == "int32"

    async def test_without_columns_the_age_is_shown(self, server, widgets, new_widget):
        await server.made(widgets, new_widget("a"))
        answer = await server.get(widgets, accept=TABLE)
        assert columns(answer) == ["Name", "Age"]
        assert rows(answer, aged=[1]) == [["a", "age"]]


@pytest.mark.parametrize(
    ("column", "cause"),
    [
        ({}, ("FieldValueRequired", "JSONPath", "Required value")),
        ({"jsonPath": "a"},
         ("FieldValueInvalid", "JSONPath",
          'Invalid value: "a": must be a simple json path starting with .')),
        ({"jsonPath": ".a", "name": ""}, ("FieldValueRequired", "name", "Required value")),
        ({"jsonPath": ".a", "type": "table"},
         ("FieldValueInvalid", "type",
          'Invalid value: "table": must be one of boolean,date,integer,number,string')),
        ({"jsonPath": ".a", "format": "int99"},
         ("FieldValueInvalid", "format",
          ('Invalid value: "int99": must be one of '
           "byte,date,date-time,double,float,int32,int64,password"))),
    ],
    ids=["no path", "path", "name", "type", "format"],
)  # fmt: skip
async def test_a_column_that_makes_no_sense_is_refused(server, unique, column, cause):
    column = {"name": "A", "type": "string", **column}
    definition = widget_definition(f"{unique}.example.com", additionalPrinterColumns=[column])
    answer = await server.post(DEFINITIONS, definition)
    assert (answer.status, answer.reason) == (422, "Invalid")
    reason, field, words = cause
    assert answer.causes == [(reason, f"spec.additionalPrinterColumns[0].{field}", words)]
