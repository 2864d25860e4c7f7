"""A whole manager against the embedded API server: real requests, nothing faked."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import socket
import sys

import aiohttp
import attrs
import pytest
import website_planner
from prometheus_client import Metric
from structlog.testing import capture_logs
from website_cluster import NS, OPTIONS, PATIENCE, SITE, ready_replicas, running, writes

from mlctl_core import CustomController
from mlctl_core.clock import SystemClock, deadline
from mlctl_core.manager.args import BindAddress, ManagerOptions
from mlctl_core.manager.manager import Manager
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    LEASE,
    SERVICE,
    Kind,
)
from mlctl_core.reconcile.plan import Plan, Result
from mlctl_core.reconcile.planner import Watch, planner


async def fetch(port, path):
    url = f"http://127.0.0.1:{port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def test_ten_lines_keep_a_deployment_and_a_service_in_step_with_three_writes(cluster):
    async with running(cluster.manager()) as manager:
        await cluster.create_site(replicas=2)
        await cluster.when(SITE, ready_replicas(0))
        deployment = await cluster.get(DEPLOYMENT, "shop")
        assert deployment["spec"]["replicas"] == 2
        assert (await cluster.get(SERVICE, "shop"))["spec"]["selector"] == {"app": "shop"}
        assert writes(manager) == 3


async def test_a_change_goes_through_and_a_childs_status_comes_back(cluster):
    async with running(cluster.manager()):
        await cluster.create_site()
        await cluster.when(SITE, ready_replicas(0))
        await cluster.client.patch(SITE, "shop", {"spec": {"image": "nginx:2"}}, NS)
        await cluster.when(DEPLOYMENT, lambda d: "nginx:2" in json.dumps(d["spec"]))
        status = {"status": {"readyReplicas": 1, "replicas": 1}}
        await cluster.client.patch(DEPLOYMENT, "shop", status, NS, subresource="status")
        await cluster.when(SITE, ready_replicas(1))


async def test_a_child_that_was_deleted_comes_back(cluster):
    async with running(cluster.manager()):
        await cluster.create_site()
        first = await cluster.when(SERVICE, lambda s: s["metadata"]["name"] == "shop")
        await cluster.client.delete(SERVICE, "shop", NS)
        uid = first["metadata"]["uid"]
        await cluster.when(SERVICE, lambda s: s["metadata"]["uid"] != uid)


async def test_a_restart_with_nothing_to_do_writes_nothing(cluster):
    async with running(cluster.manager()):
        for number in range(20):
            await cluster.create_site(f"shop-{number}")
        for number in range(20):
            name = f"shop-{number}"
            await cluster.when(
                SITE, lambda s, n=name: s["metadata"]["name"] == n and ready_replicas(0)(s)
            )
    async with running(cluster.manager()) as second:
        # One more object, done after all others, shows that those are done.
        await cluster.create_site("last")
        await cluster.when(SITE, lambda s: s["metadata"]["name"] == "last" and ready_replicas(0)(s))
        assert writes(second) == 3


async def test_one_broken_object_stops_nothing_and_is_told_so(cluster):
    def plan(site, view):
        if site.metadata.name == "broken":
            raise RuntimeError("CANARY")
        return website_planner.plan(site, view)

    broken = planner(website_planner.Website, owns=["apps/v1/Deployment", "v1/Service"])(plan)
    async with running(cluster.manager(plan=broken)) as manager:
        await cluster.create_site("broken")
        await cluster.create_site("good")
        await cluster.when(SITE, lambda s: s["metadata"]["name"] == "good" and ready_replicas(0)(s))
        event = await cluster.when(EVENT, lambda e: e["regarding"]["name"] == "broken")
        assert event["reason"] == "ReconcileError"
        assert "CANARY" not in json.dumps(event)
        labels = {"controller": "website"}
        panics = "controller_runtime_reconcile_panics_total"
        assert manager.metrics.registry.get_sample_value(panics, labels) > 0


async def test_a_taken_name_is_told_on_the_object_and_cured_by_removing_the_stranger(cluster):
    stranger = website_planner.service(
        website_planner.Website(metadata=website_planner.Metadata(name="shop"), spec=None)
    )
    await cluster.client.create(SERVICE, stranger, NS)
    async with running(cluster.manager()):
        await cluster.create_site()
        event = await cluster.when(EVENT, lambda e: e["reason"] == "NameTaken")
        assert "Service shop" in event["note"]
        await cluster.when(SITE, ready_replicas(0))
        await cluster.client.delete(SERVICE, "shop", NS)
        await cluster.when(SERVICE, lambda s: s["metadata"].get("ownerReferences"))


async def test_probes_and_metrics_are_served(cluster):
    async with running(cluster.manager()) as manager:
        ports = manager.ports
        assert await fetch(ports["/healthz"], "/healthz") == (200, "ok\n")
        assert await fetch(ports["/readyz"], "/readyz") == (200, "ok\n")
        status, text = await fetch(ports["/metrics"], "/metrics")
        assert status == 200
        assert "controller_runtime_reconcile_time_seconds_bucket" in text
        assert 'mlctl_cache_objects{kind="v1/Service"}' in text
        assert (await fetch(ports["/healthz"], "/metrics"))[0] == 404


async def test_a_manager_whose_caches_are_not_filled_lives_and_is_not_ready(cluster):
    missing = Kind("example.org", "v1", "Nothing", "nothings")
    waiting = planner(website_planner.Website, owns=[missing])(website_planner.plan.function)
    manager = cluster.manager(plan=waiting)
    async with deadline(SystemClock(), PATIENCE), manager.running():
        assert await fetch(manager.ports["/healthz"], "/healthz") == (200, "ok\n")
        assert await fetch(manager.ports["/readyz"], "/readyz") == (503, "not ready\n")


async def test_an_address_that_is_taken_is_an_error_at_the_start(cluster):
    async with running(cluster.manager()) as first:
        taken = BindAddress("127.0.0.1", first.ports["/metrics"])
        second = cluster.manager(attrs.evolve(OPTIONS, metrics_address=taken))
        with pytest.raises(OSError, match="address already in use"):
            async with second.running():
                pass


async def test_of_two_replicas_one_works_and_the_other_takes_over_at_once(cluster):
    elected = attrs.evolve(OPTIONS, leader_elect=True)
    async with deadline(SystemClock(), PATIENCE):
        first, second = cluster.manager(elected), cluster.manager(elected)
        await first.start()
        await cluster.when(LEASE, lambda lease: lease["spec"]["holderIdentity"])
        async with running(second):
            assert await fetch(second.ports["/readyz"], "/readyz") == (200, "ok\n")
            await cluster.create_site("one")
            await cluster.when(SITE, ready_replicas(0))
            assert writes(second) == 0
            await first.stop()
            await cluster.create_site("two")
            await cluster.when(
                SITE, lambda s: s["metadata"]["name"] == "two" and ready_replicas(0)(s)
            )
    assert (await cluster.get(LEASE, "test"))["spec"]["holderIdentity"] == ""


async def test_a_deposed_leader_ends_with_an_error(cluster):
    elected = attrs.evolve(OPTIONS, leader_elect=True)
    manager = cluster.manager(elected)
    await manager.start()
    lease = await cluster.when(LEASE, lambda lease: lease["spec"]["holderIdentity"])
    patch = {"spec": {"holderIdentity": "somebody else"}}
    await cluster.client.patch(LEASE, lease["metadata"]["name"], patch, NS)
    async with deadline(SystemClock(), PATIENCE):
        await manager._ended.wait()
        await manager.stop()
    assert "LeaseLostError" in repr(manager._error)
    assert (await cluster.get(LEASE, "test"))["spec"]["holderIdentity"] == "somebody else"


async def test_what_fails_during_the_stop_is_in_the_log(cluster):
    async def fails_at_its_end():
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("torn down badly")

    with capture_logs() as lines:
        async with running(cluster.manager()) as manager:
            task = manager._spawn(fails_at_its_end(), "tidy")
            await asyncio.sleep(0)
        assert task.done()
    (line,) = [line for line in lines if line["event"] == "failed as well"]
    assert line["task"] == "tidy"
    assert "torn down badly" in repr(line["exc_info"])


class Page(io.StringIO):
    """A standard output that says when a plan was printed."""

    def __init__(self):
        super().__init__()
        self.printed = asyncio.Event()

    def flush(self):
        self.printed.set()


async def test_a_dry_run_prints_what_it_would_do_and_writes_nothing(cluster, monkeypatch):
    page = Page()
    monkeypatch.setattr(sys, "stdout", page)
    await cluster.create_site()
    async with running(cluster.manager(attrs.evolve(OPTIONS, dry_run=True))) as manager:
        await page.printed.wait()
        assert writes(manager) == 0
    lines = [line for line in page.getvalue().splitlines() if line.startswith("{")]
    printed = [json.loads(line) for line in lines]
    assert [(line["do"], line["kind"]) for line in printed] == [
        ("create", "apps/v1/Deployment"),
        ("create", "v1/Service"),
        ("patch", "example.org/v1/Website"),
    ]
    assert printed[0]["for"] == "Website default/shop"


class Counter:
    """A reconciler of the low-level kind: it only notes what it was asked."""

    def __init__(self, client, stores):
        self.stores = stores
        self.seen = asyncio.Queue()

    async def reconcile(self, request):
        await self.seen.put(request.key.name)
        return Result()


async def test_the_low_level_door(cluster):
    made = []

    def build(client, stores):
        made.append(Counter(client, stores))
        return made[0]

    custom = CustomController(kind=website_planner.Website, reconciler=build, owns=["v1/Service"])
    async with running(Manager(OPTIONS, config=cluster.config).add(custom)):
        await cluster.create_site()
        assert await made[0].seen.get() == "shop"
        assert set(made[0].stores) == {SITE, SERVICE}


async def test_a_watched_object_wakes_those_that_refer_to_it(cluster):
    def plan(site, view):
        wanted = view.get("v1/ConfigMap", site.spec.image)
        return Plan(status={"readyReplicas": 7 if wanted else 0})

    watch = Watch(CONFIG_MAP, index=lambda site: [website_key(site)])
    referring = planner(website_planner.Website, watches=[watch])(plan)
    async with running(cluster.manager(plan=referring)):
        await cluster.create_site(image="content")
        await cluster.when(SITE, ready_replicas(0))
        content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "content"}}
        await cluster.client.create(CONFIG_MAP, content, NS)
        await cluster.when(SITE, ready_replicas(7))


def website_key(site):
    return ObjectKey(site.metadata.namespace, site.spec.image)


class ObjectsCollector:
    """A gauge computed from the caches."""

    def __init__(self, stores):
        self.stores = stores

    def collect(self):
        family = Metric("test_services", "Services.", "gauge")
        family.add_sample("test_services", {}, len(self.stores[SERVICE]))
        yield family


async def test_a_collector_reads_the_caches_at_each_scrape(cluster):
    manager = Manager(OPTIONS, config=cluster.config).add_collector(
        ObjectsCollector, ["v1/Service"]
    )
    async with running(manager):
        before = len((await cluster.client.list_all(SERVICE)).items)
        _, text = await fetch(manager.ports["/metrics"], "/metrics")
        assert f"test_services {before}.0" in text


async def test_an_idle_manager_makes_no_request(cluster):
    async with running(cluster.manager()) as manager:
        await cluster.create_site()
        await cluster.when(SITE, ready_replicas(0))

        def requests():
            return sum(
                sample.value
                for family in manager.metrics.registry.collect()
                for sample in family.samples
                if sample.name == "rest_client_requests_total"
            )

        # Let everything that is under way come to an end: another object goes all the way.
        await cluster.create_site("another")
        await cluster.when(
            SITE, lambda s: s["metadata"]["name"] == "another" and ready_replicas(0)(s)
        )
        before = requests()
        for _ in range(50):
            await cluster.client.get(SITE, "shop", NS)
        assert requests() == before


def undecorated(obj, view):
    return Plan()


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (undecorated, "undecorated does not say what it plans for: decorate it with @planner"),
        (Counter, "Counter does not say what it reconciles: add CustomController(kind=...,"),
        (
            Counter(None, {}),
            "Counter does not say what it reconciles: add CustomController(kind=...,",
        ),
        ("website", "a str is no controller: add a planner or a CustomController"),
    ],
)
def test_what_is_no_controller_is_refused_where_it_is_added(thing, words):
    with pytest.raises(TypeError) as raised:
        Manager(OPTIONS).add(thing)
    assert words in str(raised.value)


async def test_two_controllers_of_one_name_are_refused(cluster):
    with pytest.raises(ValueError, match="two controllers are called website"):
        cluster.manager().add(website_planner.plan)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (ManagerOptions(concurrency={"Website": 2, "Nope": 1}), "no controller of Nope"),
        (ManagerOptions(dry_run=True), "writes without a plan"),
    ],
)
def test_options_that_do_not_fit_the_controllers_are_bad_usage(options, complaint, capsys):
    custom = CustomController(kind=SERVICE, reconciler=Counter)
    with pytest.raises(SystemExit) as raised:
        Manager(options).add(website_planner.plan).add(custom).run()
    assert raised.value.code == 2
    assert complaint in capsys.readouterr().err


async def test_sigterm_ends_a_process_with_0_and_what_it_cannot_work_with_with_1_in_a_line(
    cluster, tmp_path
):
    kubeconfig = tmp_path / "kubeconfig"
    access = await cluster.config.credentials.access()
    token = access.authorization.removeprefix("Bearer ")
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "clusters": [{"name": "c", "cluster": {"server": cluster.config.server}}],
                "users": [{"name": "u", "user": {"token": token}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )

    async def start(path, *flags):
        return await asyncio.create_subprocess_exec(
            sys.executable,
            website_planner.__file__,
            f"--kubeconfig={path}",
            "--metrics-bind-address=127.0.0.1:0",
            "--health-probe-bind-address=127.0.0.1:0",
            *flags,
            stderr=asyncio.subprocess.PIPE,
        )

    async with deadline(SystemClock(), 2 * PATIENCE):
        process = await start(kubeconfig)
        await cluster.create_site()
        await cluster.when(SITE, ready_replicas(0))
        process.send_signal(signal.SIGTERM)
        _, lines = await process.communicate()
        assert process.returncode == 0
        assert json.loads(lines.splitlines()[-1])["event"] == "stopped"

        process = await start(tmp_path / "nothing-here")
        _, lines = await process.communicate()
        assert process.returncode == 1

        taken = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for flags, words in [
            (["--health-probe-bind-address", address], "--health-probe-bind-address: nothing can"),
            (["--metrics-bind-address", address], f"listen on {address}: address already in use"),
            (["--leader-elect"], 'namespaces "mlctl-system" not found; create the namespace'),
        ]:
            process = await start(kubeconfig, *flags)
            _, lines = await process.communicate()
            assert process.returncode == 1
            assert b"Traceback" not in lines
            assert words in json.loads(lines.splitlines()[-1])["error"]
        taken.close()
