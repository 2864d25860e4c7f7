"""The writer against the embedded API server: real requests, real managedFields."""

from __future__ import annotations

import json

import attrs
import pytest
from reconcile_objects import BY_NAME, KINDS

from mlctl_core.cache.store import Entry, Store
from mlctl_core.client.client import Client
from mlctl_core.client.config import ClusterConfig
from mlctl_core.client.credentials import Access, StaticCredentials
from mlctl_core.client.errors import ConnectionFailedError, LeaseLostError
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import CONFIG_MAP, POD
from mlctl_core.objects.metadata import decode_metadata
from mlctl_core.reconcile.changes import Owner
from mlctl_core.reconcile.plan import NAME_TAKEN, Delete, Patch, Plan
from mlctl_core.reconcile.sink import PartialError, RefusedError, StaleError
from mlctl_core.reconcile.writer import Writer

NS = "default"
POD_BODY = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "main", "image": "i"}]},
}


class Counting(Client):
    """A client that keeps account of its requests, and can lose an answer."""

    requests: list[str]
    lose_answer = False
    may_write = True

    def __init__(self, config):
        super().__init__(config, guard=self.guard)

    def guard(self):
        if not self.may_write:
            raise LeaseLostError("not held")

    async def request(self, method, path, **options):
        self.requests.append(f"{method} {path.split('/v1/')[-1]}")
        try:
            answer = await super().request(method, path, **options)
        except LeaseLostError:
            self.requests.pop()  # it was not sent
            raise
        if self.lose_answer and method != "GET":
            self.lose_answer = False
            raise ConnectionFailedError("reset")
        return answer


class Rig:
    """One owner, a writer, and caches that are filled from the server when the test says so."""

    def __init__(self, client):
        self.client = client
        self.stores = {kind: Store() for kind in KINDS}
        self.writer = self.new_writer()

    def new_writer(self):
        return Writer(self.client, stores=self.stores, field_manager="tester")

    async def sync(self):
        """Bring the caches up to date."""
        for kind, store in self.stores.items():
            page = await self.client.list_all(kind)
            entries = [Entry(raw, decode_metadata(raw)) for raw in page.items]
            store.replace(entries, page.resource_version)

    def show_normalised(self, written, shown):
        """Have the cache show a value of the child in another spelling."""
        entry = self.stores[CONFIG_MAP].get(ObjectKey(NS, "child"))
        raw = entry.raw.replace(f'"{written}"'.encode(), f'"{shown}"'.encode())
        self.stores[CONFIG_MAP].put(Entry(raw, entry.metadata))

    async def owner(self):
        entry = self.stores[CONFIG_MAP].get(ObjectKey(NS, "owner"))
        return Owner(kind=CONFIG_MAP, key=entry.key, metadata=entry.metadata, raw=entry.raw)

    async def pod(self):
        """A new pod, as an owner: one with a status."""
        await self.client.create(POD, POD_BODY, NS)
        await self.sync()
        entry = self.stores[POD].get(ObjectKey(NS, "p"))
        return Owner(kind=POD, key=entry.key, metadata=entry.metadata, raw=entry.raw)

    async def execute(self, plan, failures=(), *, sync=True):
        """Carry out a plan; returns what was written and the requests that took."""
        self.client.requests.clear()
        written = await self.writer.execute(await self.owner(), plan, failures)
        requests = list(self.client.requests)
        if sync:
            await self.sync()
        return written, requests

    async def failing(self, plan, failures=()):
        """Carry out a plan that fails; returns the error and its requests."""
        self.client.requests.clear()
        with pytest.raises(PartialError) as raised:
            await self.writer.execute(await self.owner(), plan, failures)
        return raised.value, list(self.client.requests)

    async def live(self, kind, name):
        return json.loads(await self.client.get(kind, name, NS))


@pytest.fixture
async def rig():
    async with ApiServer(ApiServerOptions(tls=False)) as server:
        access = Access(authorization=f"Bearer {server.credentials().token}")
        config = ClusterConfig(server=server.url, credentials=StaticCredentials(access))
        Counting.requests = []
        async with Counting(config) as client:
            owner = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}}
            await client.create(CONFIG_MAP, owner, NS)
            made = Rig(client)
            await made.sync()
            yield made


def config_map(name="child", data=None, **metadata):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": data if data is not None else {"a": "1"},
    }


def deployment(name="child", **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "i", **spec}]},
            },
        },
    }


async def test_a_create_is_one_post_and_the_steady_state_is_silence(rig):
    plan = Plan(apply=[config_map()])
    (written,), requests = await rig.execute(plan)
    assert requests == ["POST namespaces/default/configmaps"]
    assert written.key == ObjectKey(NS, "child")
    assert await rig.execute(plan) == ([], [])


async def test_a_defaulted_object_is_no_difference(rig):
    plan = Plan(apply=[deployment(resources={"limits": {"cpu": "0.5", "memory": "1024Mi"}})])
    await rig.execute(plan)
    assert await rig.execute(plan) == ([], [])


async def test_the_first_apply_takes_over_what_the_create_set_and_later_ones_are_one_request(rig):
    await rig.execute(Plan(apply=[config_map(data={"a": "1", "b": "1"})]))
    _, requests = await rig.execute(Plan(apply=[config_map(data={"a": "2", "b": "1"})]))
    path = "namespaces/default/configmaps/child"
    assert requests == [f"GET {path}", f"PATCH {path}", f"PATCH {path}"]
    _, requests = await rig.execute(Plan(apply=[config_map(data={"a": "3", "b": "1"})]))
    assert requests == [f"PATCH {path}"]


async def test_a_field_that_the_plan_drops_goes(rig):
    await rig.execute(Plan(apply=[config_map(data={"a": "1", "b": "1"}, labels={"x": "y"})]))
    await rig.execute(Plan(apply=[config_map(data={"a": "1"})]))
    live = await rig.live(CONFIG_MAP, "child")
    assert live["data"] == {"a": "1"}
    assert "labels" not in live["metadata"]


async def test_a_dropped_field_goes_after_a_restart_too(rig):
    await rig.execute(Plan(apply=[config_map(data={"a": "1", "b": "1"})]))
    rig.writer = rig.new_writer()
    await rig.execute(Plan(apply=[config_map(data={"a": "1"})]))
    assert (await rig.live(CONFIG_MAP, "child"))["data"] == {"a": "1"}


async def test_a_restart_with_nothing_to_do_sends_nothing(rig):
    plan = Plan(apply=[config_map(), deployment()])
    await rig.execute(plan)
    rig.writer = rig.new_writer()
    assert await rig.execute(plan) == ([], [])


async def test_fields_of_others_survive_an_apply(rig):
    await rig.execute(Plan(apply=[config_map()]))
    await rig.client.patch(CONFIG_MAP, "child", {"data": {"theirs": "1"}}, NS)
    await rig.sync()
    await rig.execute(Plan(apply=[config_map(data={"a": "2"})]))
    assert (await rig.live(CONFIG_MAP, "child"))["data"] == {"a": "2", "theirs": "1"}


async def test_a_field_of_ours_that_was_changed_is_set_back(rig):
    plan = Plan(apply=[config_map()])
    await rig.execute(plan)
    await rig.client.patch(CONFIG_MAP, "child", {"data": {"a": "drift"}}, NS)
    await rig.sync()
    await rig.execute(plan)
    assert (await rig.live(CONFIG_MAP, "child"))["data"] == {"a": "1"}


async def test_an_apply_that_changes_nothing_is_not_sent_again_until_something_changes(rig):
    await rig.execute(Plan(apply=[config_map(data={"a": "0.5"})]))
    plan = Plan(apply=[config_map(data={"a": "0.50"})])
    await rig.execute(plan)
    # A server that normalises the value never shows it as it was written.
    rig.show_normalised("0.50", "500m")
    assert await rig.execute(plan, sync=False) == (
        [],
        ["PATCH namespaces/default/configmaps/child"],
    )
    assert await rig.execute(plan, sync=False) == ([], [])
    rig.show_normalised("500m", "501m")
    assert len((await rig.execute(plan))[1]) == 1


async def test_a_status_no_op_is_remembered(rig):
    owner = await rig.pod()
    status = {**json.loads(owner.raw)["status"], "noSuchField": "pruned"}
    rig.client.requests.clear()
    assert await rig.writer.execute(owner, Plan(status=status)) == []
    assert rig.client.requests == ["PATCH namespaces/default/pods/p/status"]
    await rig.writer.execute(owner, Plan(status=status))
    assert len(rig.client.requests) == 1


async def test_a_status_write_is_one_patch_of_the_difference(rig):
    owner = await rig.pod()
    status = {**json.loads(owner.raw)["status"], "phase": "Running"}
    (written,) = await rig.writer.execute(owner, Plan(status=status))
    assert written.uid == owner.metadata.uid
    assert (await rig.live(POD, "p"))["status"]["phase"] == "Running"


async def test_the_status_of_an_object_made_anew_is_not_touched(rig):
    plan = Plan(status={"phase": "Failed"})
    owner = await rig.pod()
    await rig.client.delete(POD, "p", NS, grace_period_seconds=0)
    await rig.client.create(POD, POD_BODY, NS)
    with pytest.raises(PartialError) as raised:
        await rig.writer.execute(owner, plan)
    assert isinstance(raised.value.cause, StaleError)
    assert (await rig.live(POD, "p"))["status"]["phase"] == "Pending"


async def test_a_status_that_comes_late_does_not_mix_with_a_newer_one(rig):
    owner = await rig.pod()
    status = json.loads(owner.raw)["status"]
    succeeded = {"status": {"phase": "Succeeded"}}
    await rig.client.patch(POD, "p", succeeded, NS, subresource="status")
    with pytest.raises(PartialError) as raised:
        await rig.writer.execute(owner, Plan(status={**status, "reason": "NodeLost"}))
    assert isinstance(raised.value.cause, StaleError)
    assert "reason" not in (await rig.live(POD, "p"))["status"]


async def test_a_status_of_an_object_that_is_gone_is_not_taken_for_written(rig):
    owner = await rig.pod()
    await rig.client.delete(POD, "p", NS, grace_period_seconds=0)
    with pytest.raises(PartialError) as raised:
        await rig.writer.execute(owner, Plan(status={"phase": "Failed"}))
    assert isinstance(raised.value.cause, StaleError)


async def test_a_create_whose_answer_was_lost_is_recognised_and_not_made_twice(rig):
    plan = Plan(apply=[config_map()])
    rig.client.lose_answer = True
    error, _ = await rig.failing(plan)
    assert isinstance(error.cause, ConnectionFailedError)
    (written,), requests = await rig.execute(plan)
    assert requests == [
        "POST namespaces/default/configmaps",
        "GET namespaces/default/configmaps/child",
    ]
    assert written.uid == (await rig.live(CONFIG_MAP, "child"))["metadata"]["uid"]
    assert await rig.execute(plan) == ([], [])


async def test_an_object_of_ours_that_the_cache_lacks_is_brought_to_what_it_should_be(rig):
    await rig.execute(Plan(apply=[config_map(data={"a": "1"}, labels={"x": "y"})]), sync=False)
    await rig.client.patch(CONFIG_MAP, "child", {"metadata": {"labels": None}}, NS)
    plan = Plan(apply=[config_map(data={"a": "2"}, labels={"x": "y"})])
    (written,), _ = await rig.execute(plan)
    live = await rig.live(CONFIG_MAP, "child")
    assert live["metadata"]["labels"] == {"x": "y"}
    assert live["data"] == {"a": "2"}
    assert written.resource_version == live["metadata"]["resourceVersion"]
    assert await rig.execute(plan) == ([], [])


async def test_a_strangers_object_of_that_name_is_left_alone(rig):
    await rig.client.create(CONFIG_MAP, config_map(data={"theirs": "1"}), NS)
    for _ in range(2):  # first unknown to the cache, then known
        error, _ = await rig.failing(Plan(apply=[config_map()]))
        assert isinstance(error.cause, RefusedError)
        assert error.cause.failure.reason == NAME_TAKEN
        await rig.sync()
    assert (await rig.live(CONFIG_MAP, "child"))["data"] == {"theirs": "1"}


async def test_an_apply_never_lands_on_an_object_made_anew(rig):
    await rig.execute(Plan(apply=[config_map()]))
    await rig.client.delete(CONFIG_MAP, "child", NS)
    await rig.client.create(CONFIG_MAP, config_map(data={"theirs": "1"}), NS)
    error, _ = await rig.failing(Plan(apply=[config_map(data={"a": "2"})]))
    assert isinstance(error.cause, StaleError)
    assert (await rig.live(CONFIG_MAP, "child"))["data"] == {"theirs": "1"}


async def test_an_apply_never_revives_what_was_deleted(rig):
    await rig.execute(Plan(apply=[config_map()]))
    await rig.execute(Plan(apply=[config_map(data={"a": "2"})]))
    await rig.client.delete(CONFIG_MAP, "child", NS)
    error, _ = await rig.failing(Plan(apply=[config_map(data={"a": "3"})]))
    assert isinstance(error.cause, StaleError)


async def test_what_the_server_finds_invalid_is_told_in_its_words(rig):
    error, _ = await rig.failing(Plan(apply=[config_map(labels={"a": "no spaces here"})]))
    failure = error.cause.failure
    assert (failure.kind, failure.name, failure.status) == (CONFIG_MAP, "child", 422)
    assert failure.reason == "Invalid"
    assert "metadata.labels" in failure.message


async def test_a_field_that_the_server_does_not_know_is_refused_by_create_and_by_apply(rig):
    misspelt = {**config_map(), "dta": {"a": "1"}}
    error, _ = await rig.failing(Plan(apply=[misspelt]))
    assert 'unknown field "dta"' in error.cause.failure.message
    await rig.execute(Plan(apply=[config_map()]))
    error, _ = await rig.failing(Plan(apply=[misspelt]))
    assert ".dta: field not declared in schema" in error.cause.failure.message


async def test_a_plan_stops_at_a_failure_that_the_planner_did_not_know(rig):
    bad = config_map("bad", labels={"a": "no spaces here"})
    plan = Plan(apply=[config_map("first"), bad, config_map("last")])
    error, requests = await rig.failing(plan)
    assert [w.key.name for w in error.written] == ["first"]
    assert len(requests) == 2
    assert not error.told


async def test_of_a_plan_that_knew_the_failure_the_status_is_written_and_nothing_else(rig):
    owner = await rig.pod()
    await rig.execute(Plan(apply=[config_map("old")]))
    plan = Plan(
        apply=[config_map("bad", labels={"a": "no spaces here"}), config_map("last")],
        patch=[Patch(kind=CONFIG_MAP, name="old", body={"data": {"a": "2"}})],
        delete=[Delete(kind=CONFIG_MAP, name="old")],
        status={"message": "bad is refused"},
    )
    with pytest.raises(PartialError) as first:
        await rig.writer.execute(owner, plan)
    assert first.value.written == ()
    with pytest.raises(PartialError) as again:
        await rig.writer.execute(owner, plan, [first.value.cause.failure])
    assert [w.key.name for w in again.value.written] == ["p"]
    assert again.value.told
    assert (await rig.live(POD, "p"))["status"]["message"] == "bad is refused"
    assert (await rig.live(CONFIG_MAP, "old"))["data"] == {"a": "1"}


async def test_a_failure_is_known_only_in_its_own_namespace(rig):
    bad = config_map("bad", labels={"a": "no spaces here"})
    error, _ = await rig.failing(Plan(apply=[bad]))
    assert error.cause.failure.namespace == NS
    elsewhere = attrs.evolve(error.cause.failure, namespace="elsewhere")
    assert not (await rig.failing(Plan(apply=[bad]), failures=[elsewhere]))[0].told


async def test_nothing_is_written_without_the_lease(rig):
    rig.client.may_write = False
    patch = Patch(kind=CONFIG_MAP, name="owner", body={"data": {"x": "y"}})
    for plan in (
        Plan(apply=[config_map()]),
        Plan(patch=[patch]),
        Plan(delete=[Delete(kind=CONFIG_MAP, name="owner")]),
    ):
        error, requests = await rig.failing(plan)
        assert isinstance(error.cause, LeaseLostError)
        assert requests == []


async def test_the_lease_is_asked_for_before_each_write_of_an_apply(rig):
    await rig.execute(Plan(apply=[config_map()]))
    rig.client.may_write = False
    error, requests = await rig.failing(Plan(apply=[config_map(data={"a": "2"})]))
    assert isinstance(error.cause, LeaseLostError)
    assert [r.split()[0] for r in requests] == ["GET"]


async def test_a_delete_names_the_uid_and_one_that_comes_too_late_is_success(rig):
    await rig.execute(Plan(apply=[config_map()]))
    await rig.client.delete(CONFIG_MAP, "child", NS)
    (written,), _ = await rig.execute(Plan(delete=[Delete(kind=CONFIG_MAP, name="child")]))
    assert written.deleted
    assert not written.lingers


async def test_a_delete_never_hits_an_object_made_anew(rig):
    await rig.execute(Plan(apply=[config_map()]))
    await rig.client.delete(CONFIG_MAP, "child", NS)
    await rig.client.create(CONFIG_MAP, config_map(), NS)
    error, _ = await rig.failing(Plan(delete=[Delete(kind=CONFIG_MAP, name="child")]))
    assert isinstance(error.cause, StaleError)
    assert await rig.live(CONFIG_MAP, "child")


async def test_a_deleted_object_with_a_finalizer_lingers(rig):
    await rig.execute(Plan(apply=[config_map(finalizers=["example.org/wait"])]))
    (written,), _ = await rig.execute(Plan(delete=[Delete(kind=CONFIG_MAP, name="child")]))
    assert written.lingers
    plan = Plan(delete=[Delete(kind=CONFIG_MAP, name="child")])
    assert await rig.execute(plan) == ([], [])
    release = Patch(kind=CONFIG_MAP, name="child", body={"metadata": {"finalizers": None}})
    await rig.execute(Plan(patch=[release]))
    assert rig.stores[CONFIG_MAP].get(ObjectKey(NS, "child")) is None


async def test_a_patch_of_an_object_that_is_gone_is_no_error(rig):
    patch = Patch(kind=CONFIG_MAP, name="never", body={"data": {"x": "y"}})
    assert (await rig.execute(Plan(patch=[patch])))[0] == []


async def test_a_patch_with_an_old_version_is_a_conflict(rig):
    version = rig.stores[CONFIG_MAP].get(ObjectKey(NS, "owner")).metadata.resource_version
    await rig.client.patch(CONFIG_MAP, "owner", {"data": {"a": "1"}}, NS)
    patch = Patch(
        kind=CONFIG_MAP, name="owner", body={"data": {"x": "y"}}, resource_version=version
    )
    error, _ = await rig.failing(Plan(patch=[patch]))
    assert isinstance(error.cause, StaleError)


def test_kinds_of_the_rig_are_those_that_can_be_applied():
    assert {"v1/ConfigMap", "apps/v1/Deployment"} <= set(BY_NAME)
