"""GET and LIST: versions, pages, selectors."""

from __future__ import annotations

import base64
import json

import pytest
from api_caller import CONFIG_MAPS, config_map


@pytest.fixture
async def five(api):
    for number in range(5):
        await api.made(CONFIG_MAPS, config_map(f"m{number}", labels={"n": str(number)}))
    return api


async def test_a_list_reports_the_version_it_shows(five):
    listed = await five.get(CONFIG_MAPS)
    assert listed.body["kind"] == "ConfigMapList"
    assert listed.names == ["kube-root-ca.crt", "m0", "m1", "m2", "m3", "m4"]
    assert int(listed.version) == five.server.cluster.store.revision


async def test_pages_show_one_revision_whatever_is_written_between(five):
    first = await five.get(CONFIG_MAPS, limit=2)
    token, version = first.body["metadata"]["continue"], first.version
    assert first.body["metadata"]["remainingItemCount"] == 4
    await five.made(CONFIG_MAPS, config_map("m11"))
    await five.delete(f"{CONFIG_MAPS}/m4")
    await five.patch(f"{CONFIG_MAPS}/m3", {"data": {"a": "b"}})
    rest = await five.get(CONFIG_MAPS, limit=10, **{"continue": token})
    assert first.names + rest.names == ["kube-root-ca.crt", "m0", "m1", "m2", "m3", "m4"]
    assert rest.version == version
    assert "data" not in rest.body["items"][2]


async def test_a_selector_hides_how_many_remain(five):
    page = await five.get(CONFIG_MAPS, limit=2, labelSelector="n")
    assert page.names == ["m0", "m1"]
    assert "remainingItemCount" not in page.body["metadata"]


async def test_a_page_of_a_forgotten_revision_is_410_with_a_token_to_go_on_by(serve):
    async with serve(history=2) as api:
        for number in range(4):
            await api.made(CONFIG_MAPS, config_map(f"m{number}"))
        first = await api.get(CONFIG_MAPS, limit=1)
        for number in range(4, 10):
            await api.made(CONFIG_MAPS, config_map(f"m{number}"))
        token = first.body["metadata"]["continue"]
        refused = await api.get(CONFIG_MAPS, limit=1, **{"continue": token})
        assert (refused.status, refused.reason) == (410, "Expired")
        assert refused.message.startswith("The provided continue parameter is too old")
        token = refused.body["metadata"]["continue"]
        rest = await api.get(CONFIG_MAPS, **{"continue": token})
        assert rest.names == [f"m{number}" for number in range(10)]
        assert int(rest.version) == api.server.cluster.store.revision


async def test_an_exact_version_shows_the_past(five):
    before = (await five.get(CONFIG_MAPS)).version
    await five.delete(f"{CONFIG_MAPS}/m0")
    query = {"resourceVersion": before, "resourceVersionMatch": "Exact"}
    assert "m0" in (await five.get(CONFIG_MAPS, **query)).names
    assert "m0" not in (await five.get(CONFIG_MAPS, resourceVersion=before)).names


async def test_version_zero_is_not_paged(five):
    listed = await five.get(CONFIG_MAPS, resourceVersion="0", limit=1)
    assert len(listed.names) == 6
    assert "continue" not in listed.body["metadata"]


@pytest.mark.parametrize("path", [CONFIG_MAPS, f"{CONFIG_MAPS}/m0"])
async def test_a_version_that_has_not_happened_is_a_504_with_its_cause(five, path):
    refused = await five.get(path, resourceVersion="99999")
    assert (refused.status, refused.reason) == (504, "Timeout")
    assert refused.message.startswith("Timeout: Too large resource version: 99999, current: ")
    assert refused.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert refused.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("metadata.name=m1", ["m1"]),
        ("metadata.name!=m1,metadata.namespace=default", ["kube-root-ca.crt", "m0"]),
        ("metadata.namespace=other", []),
    ],
)
async def test_every_kind_is_selected_by_name_and_namespace(api, selector, names):
    await api.made(CONFIG_MAPS, config_map("m0"))
    await api.made(CONFIG_MAPS, config_map("m1"))
    assert (await api.get(CONFIG_MAPS, fieldSelector=selector)).names == names


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"labelSelector": "a b c"}, 400, "unable to parse requirement"),
        ({"fieldSelector": "data=x"}, 400, '"data" is not a known field selector'),
        ({"fieldSelector": "metadata.name"}, 400, "invalid selector"),
        ({"limit": "abc"}, 400, 'strconv.ParseInt: parsing "abc": invalid syntax'),
        ({"continue": "zzz"}, 400, "invalid continue token"),
        ({"resourceVersion": "abc"}, 400, "invalid resource version"),
        ({"resourceVersionMatch": "Exact"}, 422, "forbidden unless resourceVersion is provided"),
        (
            {"resourceVersion": "0", "resourceVersionMatch": "Exact"},
            422,
            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
        ({"resourceVersion": "5", "resourceVersionMatch": "Foo"}, 422, 'Unsupported value: "Foo"'),
        ({"sendInitialEvents": "true"}, 422, "sendInitialEvents is forbidden for list"),
    ],
)
async def test_options_that_make_no_sense_are_refused_in_upstreams_words(
    api, query, status, message
):
    refused = await api.get(CONFIG_MAPS, **query)
    assert refused.status == status
    assert message in refused.message


async def test_a_token_may_not_be_used_with_a_version(five):
    token = (await five.get(CONFIG_MAPS, limit=1)).body["metadata"]["continue"]
    refused = await five.get(CONFIG_MAPS, limit=1, resourceVersion="5", **{"continue": token})
    assert refused.message == "specifying resource version is not allowed when using continue"


async def test_a_token_says_where_to_go_on_as_upstreams_does(five):
    token = (await five.get(CONFIG_MAPS, limit=2)).body["metadata"]["continue"]
    content = json.loads(base64.urlsafe_b64decode(token + "=="))
    assert content["v"] == "meta.k8s.io/v1"
    assert content["start"] == "default/m0\0"


async def test_a_namespace_that_does_not_exist_lists_nothing(api):
    listed = await api.get("/api/v1/namespaces/nope/configmaps")
    assert (listed.status, listed.names) == (200, [])


async def test_all_namespaces_are_listed_by_namespace_and_name(five):
    await five.made("/api/v1/namespaces", {"metadata": {"name": "aaa"}})
    listed = await five.get("/api/v1/configmaps", labelSelector="!nothing")
    keys = [(i["metadata"]["namespace"], i["metadata"]["name"]) for i in listed.body["items"]]
    assert keys == sorted(keys)
    assert {"aaa", "default"} <= {namespace for namespace, _ in keys}
