"""LIST and GET: what a collection looks like, at which version, and what it is narrowed by."""

from __future__ import annotations

import pytest
from specimens import pod, secret

REFUSED = 'ListOptions.meta.k8s.io "" is invalid: '


async def test_a_list_is_ordered_by_name_and_tells_its_version(server, secrets):
    for name in ("b", "c", "a"):
        last = await server.made(secrets, secret(name))
    answer = await server.get(secrets)
    assert answer.names == ["a", "b", "c"]
    assert int(answer.version) >= int(last["metadata"]["resourceVersion"])
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("SecretList", "v1")


async def test_an_empty_list_has_no_items_rather_than_null(server, secrets):
    answer = await server.get(secrets)
    assert answer.body["items"] == []
    assert answer.metadata.keys() == {"resourceVersion"}


async def test_built_in_items_of_a_list_do_not_repeat_their_kind(server, secrets):
    made = await server.made(secrets, secret("a"))
    item = (await server.get(secrets)).body["items"][0]
    assert item == {key: value for key, value in made.items() if key not in {"kind", "apiVersion"}}


async def test_custom_items_of_a_list_say_their_kind(server, widgets, new_widget):
    made = await server.made(widgets, new_widget("a"))
    answer = await server.get(widgets)
    assert answer.body["items"] == [made]
    assert answer.body["kind"] == "WidgetList"


async def test_the_same_object_is_got_listed_and_created(server, secrets):
    made = await server.made(secrets, secret("a"))
    assert await server.found(f"{secrets}/a") == made


async def test_a_list_of_all_namespaces_is_ordered_by_namespace_and_name_as_one_path(
    server, secrets, other_namespace, unique
):
    """A namespace whose name goes on with a dash comes before: "-" sorts before "/"."""
    for path, name in ((other_namespace, "a"), (other_namespace, "c"), (unique, "b")):
        labels = {"in": unique}
        await server.made(f"/api/v1/namespaces/{path}/secrets", secret(name, labels=labels))
    answer = await server.get("/api/v1/secrets", labelSelector=f"in={unique}")
    assert answer.names == ["a", "c", "b"]


async def test_a_namespace_that_is_not_there_is_an_empty_list(server, unique):
    answer = await server.get(f"/api/v1/namespaces/{unique}/secrets")
    assert answer.ok()["items"] == []


@pytest.mark.parametrize("version", ["", "0", "now"])
async def test_a_list_shows_what_was_written_before_it(server, secrets, version):
    made = await server.made(secrets, secret("a"))
    await server.get(secrets)
    if version == "now":
        version = made["metadata"]["resourceVersion"]
    assert (await server.get(secrets, resourceVersion=version)).names == ["a"]


async def test_a_list_not_older_than_a_version_may_be_newer(server, secrets):
    made = await server.made(secrets, secret("a"))
    await server.made(secrets, secret("b"))
    version = made["metadata"]["resourceVersion"]
    await server.get(secrets)
    answer = await server.get(secrets, resourceVersion=version, resourceVersionMatch="NotOlderThan")
    assert answer.names == ["a", "b"]
    assert int(answer.version) > int(version)


async def test_a_list_at_exactly_a_version_shows_the_past(server, secrets):
    made = await server.made(secrets, secret("a"))
    await server.made(secrets, secret("b"))
    await server.delete(f"{secrets}/a")
    version = made["metadata"]["resourceVersion"]
    answer = await server.get(secrets, resourceVersion=version, resourceVersionMatch="Exact")
    assert answer.names == ["a"]
    assert answer.version == version


async def test_a_list_at_exactly_a_forgotten_version_is_gone(server, secrets, forgotten):
    answer = await server.get(secrets, resourceVersion=forgotten, resourceVersionMatch="Exact")
    message = "The resourceVersion for the provided list is too old."
    assert answer.refusal == (410, "Expired", message)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"resourceVersion": "0", "resourceVersionMatch": "Exact"},
            (
                'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for '
                'resourceVersion "0"'
            ),
        ),
        (
            {"resourceVersionMatch": "Exact"},
            (
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
                "resourceVersion is provided"
            ),
        ),
        (
            {"resourceVersionMatch": "NotOlderThan"},
            (
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless "
                "resourceVersion is provided"
            ),
        ),
        (
            {"resourceVersion": "5", "resourceVersionMatch": "About"},
            (
                'resourceVersionMatch: Unsupported value: "About": supported values: "Exact", '
                '"NotOlderThan", ""'
            ),
        ),
        (
            {"continue": "x", "resourceVersionMatch": "Exact", "resourceVersion": "5"},
            (
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue "
                "is "
                "provided"
            ),
        ),
    ],
    ids=["exactly 0", "exactly nothing", "not older than nothing", "unknown", "of a next page"],
)
async def test_a_match_that_makes_no_sense_is_refused(server, secrets, query, message):
    answer = await server.get(secrets, **query)
    assert answer.refusal == (422, "Invalid", REFUSED + message)


async def test_a_version_that_is_none_is_refused(server, secrets):
    answer = await server.get(secrets, resourceVersion="abc")
    assert answer.status == 400
    assert answer.refusal == (
        400,
        "BadRequest",
        (
            'invalid resource version: resourceVersion: Invalid value: "abc": '
            'strconv.ParseUint: parsing "abc": invalid syntax'
        ),
    )


async def test_a_version_that_is_yet_to_come_is_not_waited_for_long(server, secrets):
    future = str(int((await server.get(secrets)).version) + 1_000_000)
    answer = await server.get(secrets, resourceVersion=future)
    code, reason, message = answer.refusal
    assert (code, reason) == (504, "Timeout")
    assert message.startswith(f"Timeout: Too large resource version: {future}, current: ")
    assert answer.causes == [("ResourceVersionTooLarge", "", "Too large resource version")]
    assert answer.body["details"]["retryAfterSeconds"] == 1
    assert answer.headers["Retry-After"] == "1"


@pytest.fixture
async def labelled(server, secrets):
    await server.made(secrets, secret("none"))
    await server.made(secrets, secret("web", labels={"tier": "web", "env": "prod", "rank": "7"}))
    await server.made(secrets, secret("db", labels={"tier": "db", "env": "test", "rank": "3"}))
    await server.made(secrets, secret("empty", labels={"tier": ""}))
    return secrets


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("tier=web", ["web"]),
        ("tier==web", ["web"]),
        ("tier!=web", ["db", "empty", "none"]),
        ("tier in (web,db)", ["db", "web"]),
        ("tier in (web,)", ["empty", "web"]),
        ("tier notin (web,db)", ["empty", "none"]),
        ("tier", ["db", "empty", "web"]),
        ("!tier", ["none"]),
        ("tier=", ["empty"]),
        ("tier in ()", ["empty"]),
        ("rank>5", ["web"]),
        ("rank<5", ["db"]),
        ("tier,env=prod", ["web"]),
        ("tier in (web,db),env notin (prod)", ["db"]),
        (" tier = web , env = prod ", ["web"]),
        ("", ["db", "empty", "none", "web"]),
    ],
)
async def test_labels_select(server, labelled, selector, names):
    assert (await server.get(labelled, labelSelector=selector)).names == names


VALID_KEY = "a valid label key"
LABEL = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a=b,,c", "found ',', expected: identifier after ','"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in", "unable to parse requirement: found '' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        (
            "a in ((b))",
            "unable to parse requirement: found '(', expected: ',', ')' or identifier",
        ),
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("-a", f'unable to parse requirement: <nil>: Invalid value: "-a": name part {LABEL}'),
        (
            "x/y/z=1",
            (
                'unable to parse requirement: <nil>: Invalid value: "x/y/z": '
                f"{VALID_KEY} {LABEL} with an optional DNS subdomain prefix and '/' "
                "(e.g. 'example.com/MyName')"
            ),
        ),
        (
            "a=-b-",
            (
                'unable to parse requirement: values[0][a]: Invalid value: "-b-": a valid label '
                "must "
                "be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
                "must "
                "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
                "'12345', regex used for validation is "
                "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            ),
        ),
        (
            "a>x",
            (
                "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' "
                "operators, the value must be an integer"
            ),
        ),
    ],
)
async def test_a_label_selector_that_makes_no_sense_is_refused(server, secrets, selector, message):
    message = message.replace(VALID_KEY, server.told(VALID_KEY, oldest="a qualified name"))
    answer = await server.get(secrets, labelSelector=selector)
    assert answer.refusal == (400, "BadRequest", message)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("metadata.name=web", ["web"]),
        ("metadata.name==web", ["web"]),
        ("metadata.name!=web", ["db", "empty", "none"]),
        ("metadata.name=web,metadata.name=db", []),
        ("type=Opaque", ["db", "empty", "none", "web"]),
        ("type!=Opaque", []),
        ("metadata.name=", []),
    ],
)
async def test_fields_select(server, labelled, selector, names):
    assert (await server.get(labelled, fieldSelector=selector)).names == names


async def test_a_field_and_a_label_must_both_match(server, labelled):
    answer = await server.get(labelled, fieldSelector="metadata.name!=web", labelSelector="env")
    assert answer.names == ["db"]


async def test_a_namespace_is_selected_as_a_field(server, secrets, namespace, other_namespace):
    await server.made(secrets, secret("a"))
    await server.made(f"/api/v1/namespaces/{other_namespace}/secrets", secret("a"))
    answer = await server.get("/api/v1/secrets", fieldSelector=f"metadata.namespace={namespace}")
    assert [item["metadata"]["namespace"] for item in answer.body["items"]] == [namespace]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("status.phase=Pending", ["a", "b"]),
        ("status.phase!=Pending", []),
        ("spec.nodeName=", ["a", "b"]),
        ("spec.schedulerName=nobody", ["a", "b"]),
        ("spec.restartPolicy=Always", ["a", "b"]),
        ("spec.serviceAccountName=default,metadata.name=b", ["b"]),
    ],
)
async def test_pods_are_selected_by_fields_of_their_own(server, pods, selector, names):
    await server.made(pods, pod("a"))
    await server.made(pods, pod("b"))
    assert (await server.get(pods, fieldSelector=selector)).names == names


@pytest.mark.parametrize(
    ("collection", "message"),
    [
        ("/api/v1/secrets", "field label not supported: spec.x"),
        ("/api/v1/pods", "field label not supported: spec.x"),
        (
            "/api/v1/configmaps",
            '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (
            "/apis/apps/v1/deployments",
            '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
    ],
)
async def test_an_unknown_field_is_refused(server, collection, message):
    answer = await server.get(collection, fieldSelector="spec.x=1")
    assert answer.refusal == (400, "BadRequest", message)


async def test_an_unknown_field_of_a_custom_resource_is_refused(server, widgets):
    answer = await server.get(widgets, fieldSelector="spec.x=1")
    assert answer.refusal == (400, "BadRequest", "field label not supported: spec.x")


async def test_a_field_selector_that_makes_no_sense_is_refused(server, secrets):
    answer = await server.get(secrets, fieldSelector="metadata.name")
    message = "invalid selector: 'metadata.name'; can't understand 'metadata.name'"
    assert answer.refusal == (400, "BadRequest", message)


async def test_an_object_that_is_not_there_is_not_found(server, secrets):
    answer = await server.get(f"{secrets}/a")
    assert answer.refusal == (404, "NotFound", 'secrets "a" not found')
    assert answer.body["details"] == {"name": "a", "kind": "secrets"}


async def test_an_object_is_got_not_older_than_a_version(server, secrets):
    made = await server.made(secrets, secret("a"))
    version = made["metadata"]["resourceVersion"]
    assert await server.found(f"{secrets}/a", resourceVersion=version) == made
    assert await server.found(f"{secrets}/a", resourceVersion="0") == made
