"""The manager's rights against what it does, as the API server's audit log has it.

Several lives of managers under the ServiceAccount of manifests/, in which everything happens
that the controllers can do; then what was granted is compared with what was used.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager

import attrs
import pytest
import yaml
from aiohttp import web
from installation import SYSTEM
from managers import (
    ACCOUNT,
    JOB,
    ManagerProcess,
    installed,
    job,
    kind_named,
    node,
    phase,
    pod_of,
    reason,
    team,
)

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.client.errors import ForbiddenError
from mlctl_core.objects.kinds import (
    CONFIG_MAP,
    EVENT,
    POD,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
)
from mlctl_core.testing.control_plane import ControlPlaneOptions
from mlctl_core.testing.kubernetes.audit import audit_policy
from mlctl_core.testing.proxy import FaultProxy

pytestmark = pytest.mark.real

USER = f"system:serviceaccount:{SYSTEM}:{ACCOUNT}"
FORBIDDEN = 403
TEAM = "team-a"
OPTIONS = ControlPlaneOptions(
    # Bodies too: some rights are asked for by what is in them.
    audit_policy=audit_policy("RequestResponse", [USER]),
    # As some distributions have it: who sets blockOwnerDeletion needs a right on the owner.
    api_server_flags=["--enable-admission-plugins=OwnerReferencesPermissionEnforcement"],
)


# The first process of a container has no default handler.
LONG = """\
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
time.sleep(600)
"""


@attrs.frozen(order=True)
class Right:
    """One verb on one resource; empty is all of them, or none that was said."""

    group: str
    resource: str
    verb: str
    name: str = ""
    namespace: str = ""

    def covers(self, used):
        return (
            (self.group, self.resource, self.verb) == (used.group, used.resource, used.verb)
            and self.name in ("", used.name)
            and self.namespace in ("", used.namespace)
        )


@pytest.fixture(scope="module")
def cluster():
    with installed(OPTIONS) as made:
        yield made


@pytest.fixture(scope="module")
def scrapes(cluster, tmp_path_factory):
    """Live all lives; returns how the scrapes of the first were answered."""
    return asyncio.run(lives(cluster, tmp_path_factory.mktemp("lives")))


@pytest.fixture
def events(cluster, scrapes):
    """The manager's answered requests."""
    return [e for e in cluster.plane.audit_events() if e["stage"] == "ResponseComplete"]


@pytest.fixture(scope="module")
def granted(cluster):
    """Every right that any binding gives to the manager's account."""
    rights = set()
    for binding in (
        *cluster.admin.get("clusterrolebindings")["items"],
        *cluster.admin.get("rolebindings", "-A")["items"],
    ):
        if not any(is_the_manager(subject) for subject in binding.get("subjects", ())):
            continue
        where = binding["metadata"].get("namespace", "")
        role = binding["roleRef"]
        place = ("-n", where) if role["kind"] == "Role" else ()
        rules = cluster.admin.get(f"{role['kind'].lower()} {role['name']}", *place)["rules"]
        rights |= {right for rule in rules for right in expanded(rule, where)}
    return rights


def is_the_manager(subject):
    return subject["kind"] == "ServiceAccount" and (
        (subject["namespace"], subject["name"]) == (SYSTEM, ACCOUNT)
    )


def expanded(rule, namespace):
    for group in rule["apiGroups"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                for name in rule.get("resourceNames", ("",)):
                    yield Right(group, resource, verb, name, namespace)


def used(event):
    """The rights that a request needed."""
    ref = event["objectRef"]
    resource = "/".join(part for part in (ref["resource"], ref.get("subresource")) if part)
    name, namespace = ref.get("name", ""), ref.get("namespace", "")
    yield Right(ref.get("apiGroup", ""), resource, event["verb"], name, namespace)
    body = event.get("requestObject")
    if not isinstance(body, dict):
        return  # none, or a JSON patch, which makes nobody an owner
    for owner in body.get("metadata", {}).get("ownerReferences", ()):
        if owner.get("blockOwnerDeletion") and owner["apiVersion"].startswith("mlctl.dev/"):
            finalizers = f"{kind_named(owner['kind']).plural}/finalizers"
            yield Right(JOB.group, finalizers, "update", owner["name"], namespace)
    if resource == "rolebindings" and event["verb"] in {"create", "patch"}:
        role = body.get("roleRef", {})
        group, kind = role.get("apiGroup", ""), f"{role.get('kind', '')}s".lower()
        yield Right(group, kind, "bind", role.get("name", ""), "")


async def lives(cluster, folder):
    async with node(cluster, folder), team(cluster, TEAM) as made:
        scrapes = await first_life(cluster, folder, made)
        await life_with_an_older_server(cluster, folder, made)
    return scrapes


async def first_life(cluster, folder, made):
    """Jobs that succeed, fail, are suspended, resumed, deleted, and run out of their time."""
    async with life(
        cluster.manager().kubeconfig, folder / "first.log", "--metrics-secure"
    ) as first:
        await made.create(job("passing", ttlSecondsAfterFinished=1))
        await made.create(job("failing", "raise SystemExit(3)"))
        await made.create(job("long", LONG))
        await made.create(job("waiting", framework="not-yet"))
        source = {"metadata": {"name": "code"}, "data": {"main.py": "print('accuracy=0.5')"}}
        await made.create({"apiVersion": "v1", "kind": "ConfigMap", **source})
        await made.create(job("of-a-config-map", source={"configMap": {"name": "code"}}))
        await made.gone("passing")
        assert phase(await made.ended("failing")) == "Failed"
        assert phase(await made.ended("of-a-config-map")) == "Succeeded"

        # Somebody edits what is ours; it is put right.
        await made.running("long")
        await made.patch("pyjob-long-code", {"data": {"main.py": "edited"}}, CONFIG_MAP)
        await made.until("pyjob-long-code", lambda o: "edited" not in str(o["data"]), CONFIG_MAP)
        await made.patch("long", {"spec": {"suspend": True}})
        await made.until("long", lambda o: phase(o) == "Suspended")
        await made.gone(pod_of("long"), POD)
        await made.patch("long", {"spec": {"suspend": False}})
        await made.running("long")
        # Its pod goes in the second life: the garbage collector learns of new kinds every 30 s.
        await made.delete("long")
        await made.gone("long")

        await other_kinds(cluster, made)

        # The same warning twice is one event, and its repetition is written at the stop.
        missing = "FrameworkNotFound"
        await made.until("waiting", lambda o: reason(o) == missing)
        await made.patch("waiting", {"spec": {"suspend": True}})
        await made.until("waiting", lambda o: phase(o) == "Suspended")
        await made.patch("waiting", {"spec": {"suspend": False}})
        await made.until("waiting", lambda o: reason(o) == missing)
        scrapes = await scraped(cluster, first)
    warnings = [e for e in await made.all(EVENT) if e["reason"] == missing]
    assert [event["series"]["count"] for event in warnings] == [2]
    return scrapes


NOWHERE = {"nodeSelector": {"example.com/none": "true"}}
UNRUN = {
    "TensorFlowJob": {"framework": "tensorflow", "roles": {"worker": {"replicas": 2}}},
    "JVMJob": {"framework": "jvm", "entrypoint": "org.example.Main"},
    "SparkJob": {"framework": "spark", "identity": "reader"},
}
"""Jobs whose pods find no node: what the manager does for them needs no program."""


def unrun(kind, name):
    source = {"inline": {"main.py": "print()"}}
    common = {"size": "nowhere", "entrypoint": "main.py", "source": source}
    spec = {**common, **UNRUN[kind]}
    if kind == "JVMJob":
        del spec["source"]
    return {
        "apiVersion": JOB.api_version,
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


async def other_kinds(cluster, made):
    """Jobs of the other kinds: made, repaired, and deleted when their time is up."""
    for kind in ("TensorFlow", "JVM", "Spark"):
        framework = {"type": kind, "version": "1", "images": {"cpu": "example.com/image"}}
        cluster.admin.must("apply", "-f", "-", body=catalogue("Framework", kind.lower(), framework))
    size = {"cpu": "1", "memory": "4Gi", **NOWHERE}
    cluster.admin.must("apply", "-f", "-", body=catalogue("Size", "nowhere", size))
    labels = {"mlctl.dev/identity": "true"}
    account = {"metadata": {"name": "reader", "labels": labels}}
    await made.create({"apiVersion": "v1", "kind": "ServiceAccount", **account})
    secret = {"metadata": {"name": "password"}, "stringData": {"key": "x"}}
    await made.create({"apiVersion": "v1", "kind": "Secret", **secret})
    variables = [{"name": "PASSWORD", "key": "key"}]
    spec = {"secrets": [{"name": "password", "env": variables}], "serviceAccountName": "reader"}
    identity = {"metadata": {"name": "reader"}, "spec": spec}
    await made.create({"apiVersion": JOB.api_version, "kind": "Identity", **identity})
    for kind in UNRUN:
        await made.create(unrun(kind, "unrun"))
    for kind in UNRUN:
        await made.until("unrun", lambda o: reason(o) == "Unschedulable", kind_named(kind))
    for kind in (SERVICE, SERVICE_ACCOUNT, ROLE_BINDING):
        [child] = [
            o["metadata"]["name"]
            for o in await made.all(kind)
            if o["metadata"].get("labels", {}).get("mlctl.dev/kind") == "SparkJob"
        ]
        await made.patch(child, {"metadata": {"labels": {"mlctl.dev/name": "edited"}}}, kind)
        await made.until(child, is_repaired, kind)
    over = {"spec": {"startDeadlineSeconds": 1, "ttlSecondsAfterFinished": 1}}
    for kind in UNRUN:
        await made.patch("unrun", over, kind_named(kind))
    for kind in UNRUN:
        await made.gone("unrun", kind_named(kind))


def is_repaired(child):
    return child["metadata"]["labels"]["mlctl.dev/name"] == "unrun"


def catalogue(kind, name, spec):
    return {
        "apiVersion": JOB.api_version,
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


async def scraped(cluster, manager):
    """How somebody with the right, somebody without, and somebody unknown are answered."""
    admin = cluster.admin
    for name in ("prometheus", "somebody"):
        admin.must("create", "serviceaccount", name, f"-n{TEAM}")
    reader = "mlctl-metrics-reader"
    binding = ("create", "clusterrolebinding", "scraping", f"--clusterrole={reader}")
    admin.must(*binding, f"--serviceaccount={TEAM}:prometheus")
    tokens = {
        name: admin.must("create", "token", name, f"-n{TEAM}").out.strip()
        for name in ("prometheus", "somebody")
    }
    answers = {
        name: await manager.get("/metrics", token, secure=True)
        for name, token in {**tokens, "made-up": "made-up", "nobody": None}.items()
    }
    return {
        name: (status, "controller_runtime" in text) for name, (status, text) in answers.items()
    }


async def life_with_an_older_server(cluster, folder, made):
    """Lists that are not streamed, and a cache that lags behind what the server has."""
    upstream = load_config(str(cluster.manager().kubeconfig))
    async with OlderServer(upstream) as server:
        kubeconfig = folder / "older.kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(without_credentials(server.url)))
        async with life(kubeconfig, folder / "second.log"):
            stranger = pod_of("taken")
            container = {"name": "main", "image": "example.com/image"}
            body = {"metadata": {"name": stranger}, "spec": {"containers": [container]}}
            await made.create({"apiVersion": "v1", "kind": "Pod", **body})
            await made.create(job("taken"))
            taken = await made.until("taken", lambda o: reason(o) == "NameTaken")
            assert stranger in taken["status"]["message"]
            # An account that is named as a driver's, and what would be bound to it.
            service = {"clusterIP": "None", "selector": {"a": "b"}}
            names = {"metadata": {"name": "tfjob-taken"}, "spec": service}
            await made.create({"apiVersion": "v1", "kind": "Service", **names})
            role = {"apiGroup": ROLE_BINDING.group, "kind": "ClusterRole", "name": "view"}
            binding = {"metadata": {"name": "sparkjob-taken"}, "roleRef": role, "subjects": []}
            await made.create(
                {"apiVersion": ROLE_BINDING.api_version, "kind": "RoleBinding", **binding}
            )
            for kind in ("TensorFlowJob", "SparkJob"):
                await made.create(unrun(kind, "taken"))
                await made.until("taken", lambda o: reason(o) == "NameTaken", kind_named(kind))
            server.news.set()
            await made.gone(pod_of("long"), POD)


class OlderServer(FaultProxy):
    """A server without streamed lists, whose news of pods arrive when the test says so."""

    def __init__(self, upstream):
        super().__init__(upstream)
        self.news = asyncio.Event()

    async def _forward(self, request):
        if "sendInitialEvents" in request.query:
            return web.json_response(NO_STREAMED_LISTS, status=NO_STREAMED_LISTS["code"])
        late = ("/pods", "/services", "/rolebindings")
        if "watch" in request.query and request.path.endswith(late):
            await self.news.wait()
        return await super()._forward(request)


NO_STREAMED_LISTS = {
    "apiVersion": "v1",
    "kind": "Status",
    "status": "Failure",
    "reason": "Invalid",
    "code": 422,
    "message": "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the "
    "WatchList feature gate is enabled",
}


def without_credentials(url):
    """A kubeconfig for a proxy, which has the credentials."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": ""}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [],
    }


@asynccontextmanager
async def life(kubeconfig, log, *flags):
    """A manager that leads while the block runs, and is then told to stop."""
    manager = ManagerProcess(kubeconfig, log, *flags)
    try:
        await manager.start()
        await manager.line("leading")
        yield manager
        manager.send(signal.SIGTERM)
        assert await manager.ended() == 0
    finally:
        await manager.stop()


def test_nothing_is_granted_that_is_not_used(events, granted):
    needs = {right for event in events for right in used(event)}
    assert granted, "no role is bound to the account: nothing was looked at"
    idle = [right for right in granted if not any(right.covers(need) for need in needs)]
    assert sorted(idle) == []


def test_nothing_is_used_that_the_manifests_do_not_grant(events, granted):
    needs = {right for event in events for right in used(event)}
    elsewhere = [need for need in needs if not any(right.covers(need) for right in granted)]
    assert sorted(elsewhere) == []


def test_nothing_was_forbidden(events):
    assert [e for e in events if e["responseStatus"]["code"] == FORBIDDEN] == []
    decisions = {e["annotations"]["authorization.k8s.io/decision"] for e in events}
    assert decisions == {"allow"}


def test_of_secrets_only_that_of_an_identity_was_looked_at(events):
    seen = {
        (e["verb"], e["objectRef"].get("namespace"), e["objectRef"].get("name"))
        for e in events
        if e["objectRef"]["resource"] == "secrets"
    }
    assert seen == {("get", TEAM, "password")}


def test_nothing_was_written_outside_the_teams_namespace_but_lease_and_catalogue(events):
    written = {
        (e["objectRef"]["resource"], e["objectRef"].get("namespace", ""))
        for e in events
        if e["verb"] not in ("get", "list", "watch")
    }
    outside = {(resource, where) for resource, where in written if where != TEAM}
    assert outside == {
        ("frameworks", ""),
        ("leases", SYSTEM),
        ("subjectaccessreviews", ""),
        ("tokenreviews", ""),
    }


def test_metrics_are_for_those_who_may_get_them(scrapes):
    assert scrapes == {
        "prometheus": (200, True),
        "somebody": (403, False),
        "made-up": (401, False),
        "nobody": (401, False),
    }


async def test_without_the_right_on_finalizers_a_child_could_not_be_made(cluster, scrapes):
    """Where the admission plugin is on that asks for it; so it counts as used."""
    role = cluster.admin.get(f"clusterrole {ACCOUNT}")
    rules = [r for r in role["rules"] if f"{JOB.plural}/finalizers" not in r["resources"]]
    assert len(rules) == len(role["rules"]) - 1
    less = {**role, "metadata": {"name": "less"}, "rules": rules}
    cluster.admin.must("apply", "-f", "-", body=less)
    cluster.admin.must("create", "serviceaccount", "less", f"-n{TEAM}")
    account = f"--serviceaccount={TEAM}:less"
    cluster.admin.must("create", "clusterrolebinding", "less", "--clusterrole=less", account)
    owner = cluster.admin.get(f"pythonjob waiting -n{TEAM}")
    child = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "child",
            "ownerReferences": [
                {
                    "apiVersion": owner["apiVersion"],
                    "kind": owner["kind"],
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
    }
    kubeconfig = cluster.plane.kubeconfig_for_service_account(TEAM, "less")
    async with Client(load_config(str(kubeconfig))) as client:
        with pytest.raises(ForbiddenError, match="finalizers"):
            await client.create(CONFIG_MAP, child, TEAM)
        child["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = False
        await client.create(CONFIG_MAP, child, TEAM)
