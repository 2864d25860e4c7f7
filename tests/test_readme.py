"""What the README shows is run as it stands, and what it names is there."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import yaml
from readme_text import README, ROOT, commands, fenced, section, spans

from mlctl_core.cli.main import main
from mlctl_core.client.client import Client
from mlctl_core.client.config import ClusterConfig
from mlctl_core.client.credentials import Access, StaticCredentials
from mlctl_core.client.errors import NotFoundError
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.manager.args import parse_args
from mlctl_core.objects.kinds import (
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from mlctl_core.telemetry.metrics import Metrics

WEBSITE = Kind("example.org", "v1", "Website", "websites")
OPERATOR = "## Writing a controller of your own"
NAMESPACE = "default"
FREE_PORTS = ("--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0")
# What is waited for takes about a second; this only ends a test that waits in vain.
PATIENCE_SECONDS = 60


@attrs.frozen
class Cluster:
    client: Client
    config: ClusterConfig
    kubeconfig: Path

    async def get(self, kind, name):
        try:
            place = NAMESPACE if kind.namespaced else ""
            return json.loads(await self.client.get(kind, name, place))
        except NotFoundError:
            return None

    async def until(self, kind, name, holds):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds(found := await self.get(kind, name)):
                await asyncio.sleep(0.02)
        return found


@pytest.fixture
async def cluster(tmp_path):
    async with (
        ApiServer(ApiServerOptions(tls=False)) as server,
        Client(server.client_config()) as client,
    ):
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(server.kubeconfig()))
        yield Cluster(client, server.client_config(), path)


@pytest.fixture
def program(tmp_path):
    """The README's operator in a folder of its own."""
    path = tmp_path / "website.py"
    path.write_text(fenced("python", OPERATOR))
    return path


@asynccontextmanager
async def operator(program, cluster, *flags):
    """`python website.py` for the length of the block, which it must outlive."""
    command = [sys.executable, program.name, "--kubeconfig", str(cluster.kubeconfig)]
    process = await asyncio.create_subprocess_exec(
        *command,
        *FREE_PORTS,
        *flags,
        cwd=program.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
        assert process.returncode is None
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        process.printed, process.logged = await process.communicate()
    assert process.returncode == 0, process.logged.decode()


async def install(cluster, program):
    """`mlctl crds website | kubectl apply -f -`."""
    crds = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mlctl_core.cli.main", "crds", program.stem),
        cwd=program.parent,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await crds.communicate()
    for crd in yaml.safe_load_all(out):
        await cluster.client.apply(CRD, crd, field_manager="test")
    await cluster.until(CRD, f"{WEBSITE.plural}.{WEBSITE.group}", is_established)


def is_established(crd):
    # A definition that was just made may have null for what is not there.
    conditions = ((crd or {}).get("status") or {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


async def apply_site(cluster, **spec):
    site = yaml.safe_load(fenced("yaml", OPERATOR))
    site["metadata"]["namespace"] = NAMESPACE
    site["spec"] |= spec
    await cluster.client.apply(WEBSITE, site, field_manager="kubectl")


async def test_the_operator_keeps_a_deployment_and_a_service_in_step_with_each_website(
    cluster, program
):
    await install(cluster, program)
    async with operator(program, cluster):
        await apply_site(cluster)
        deployment = await cluster.until(DEPLOYMENT, "hello", bool)
        service = await cluster.until(SERVICE, "hello", bool)

        assert deployment["spec"]["replicas"] == 2
        [web] = deployment["spec"]["template"]["spec"]["containers"]
        assert web["image"] == "docker.io/library/nginx:1.27"
        assert service["spec"]["ports"][0]["port"] == 80
        for child in (deployment, service):
            [owner] = child["metadata"]["ownerReferences"]
            assert (owner["kind"], owner["name"]) == ("Website", "hello")

        ready = {"status": {"replicas": 2, "readyReplicas": 2}}
        await cluster.client.patch(DEPLOYMENT, "hello", ready, NAMESPACE, subresource="status")
        await cluster.until(
            WEBSITE, "hello", lambda site: site.get("status", {}).get("readyReplicas") == 2
        )

        await apply_site(cluster, replicas=5)
        await cluster.until(DEPLOYMENT, "hello", lambda d: d["spec"]["replicas"] == 5)

        await cluster.client.delete(DEPLOYMENT, "hello", NAMESPACE)
        uid = deployment["metadata"]["uid"]
        await cluster.until(DEPLOYMENT, "hello", lambda d: d and d["metadata"]["uid"] != uid)

        await cluster.client.delete(WEBSITE, "hello", NAMESPACE)
        await cluster.until(DEPLOYMENT, "hello", lambda d: d is None)
        await cluster.until(SERVICE, "hello", lambda s: s is None)


async def test_a_dry_run_prints_plans_and_writes_nothing(cluster, program):
    await install(cluster, program)
    await apply_site(cluster)
    async with operator(program, cluster, "--dry-run") as process:
        async with asyncio.timeout(PATIENCE_SECONDS):
            printed = await process.stdout.readuntil(b"Deployment")
    assert b"hello" in printed + process.printed
    assert await cluster.get(DEPLOYMENT, "hello") is None


def test_the_yaml_of_the_tour_is_the_sample():
    shown = section("## A two-minute tour")
    sample = (ROOT / "manifests/samples/digits.yaml").read_text()
    indented = "".join(f"    {line}" if line.strip() else line for line in sample.splitlines(True))
    assert indented in shown


def test_the_catalogue_is_as_large_as_the_tour_says():
    files = (ROOT / "manifests/catalogue").rglob("*.yaml")
    kinds = [o["kind"] for file in files for o in yaml.safe_load_all(file.read_text()) if o]
    [(kinds_said, said)] = re.findall(r"(\d+) kinds, (\d+) frameworks and sizes", README)
    assert int(said) == kinds.count("Framework") + kinds.count("Size")
    crds = [p for p in (ROOT / "manifests/crds").glob("*.yaml") if p.stem != "kustomization"]
    assert int(kinds_said) == len(crds)


def test_every_make_target_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = commands("make")
    assert {words[0] for words in shown} >= {"demo", "test", "help"}
    for target, *variables in shown:
        assert target in targets
        assert set(variables) <= {"KEEP=1", "TOUR=jobs"}


def test_every_mlctl_command_is_there(capsys, monkeypatch, tmp_path):
    # Words that a parser refuses end in SystemExit; these go on to ask for a cluster.
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    shown = commands("mlctl")
    assert {"get", "why", "logs", "suspend", "explain", "crds"} <= {words[0] for words in shown}
    for words in shown:
        assert main(words) in ((1,) if words[0] != "crds" else (2,)), words
        assert "no cluster configured" in capsys.readouterr().err or words[0] == "crds"


@pytest.mark.parametrize(
    "flag",
    sorted({s for s in spans(section(OPERATOR)) if s[0] == "-"}),
)
def test_every_flag_of_an_operator_is_there(flag):
    parse_args([flag])


def test_every_file_and_folder_is_there():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    lines = [re.sub(r"[`,;()]", " ", line) for line in README.splitlines()]
    words = [word for line in lines for word in line.split()]
    paths = [
        w
        for w in words
        if re.fullmatch(r"(manifests|mlctl_core|apis|controllers|hack)/[\w/.-]*", w)
    ]
    assert len(links) > 2
    assert len(paths) > 3
    for path in (*links, *paths):
        assert (ROOT / path).exists(), path


def test_every_field_that_a_job_may_say_is_in_the_schema():
    schemas = []
    for kind in ("pythonjobs", "tensorflowjobs", "sparkjobs", "jvmjobs"):
        crd = yaml.safe_load((ROOT / f"manifests/crds/{kind}.yaml").read_text())
        [version] = crd["spec"]["versions"]
        schemas.append(version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"])
    text = section("### What a job may say")
    words = spans(text.partition("Bad input")[0])
    named = {word for word in words if re.fullmatch(r"[a-z][A-Za-z]+(\.[a-z][A-Za-z]+)?", word)}
    assert {"backoffLimit", "jvmOptions"} < named
    for name in named - {"train.py", "package.module"}:
        first, _, second = name.partition(".")
        found = [schema[first] for schema in schemas if first in schema]
        assert found, name
        assert not second or second in found[0]["properties"], name


def test_every_metric_of_the_library_that_is_named_is_exported():
    exported = {family.name for family in Metrics().registry.collect()}
    source = "".join(path.read_text() for path in (ROOT / "controllers/gpu").glob("*.py"))
    named = [s for s in spans(section("### Metrics")) if "_" in s]
    assert len(named) > 5
    for name in named:
        # A counter is made without the suffix that its samples have.
        family = name.removesuffix("_total")
        assert family in exported or f'"{family}"' in source, name


class TestWhatTheEmbeddedControlPlaneLacks:
    """Whoever adds one of these takes it out of the README."""

    SAID = " ".join(section("## What it is not for").split())

    async def test_rights(self, cluster):
        assert (
            "RBAC, admission webhooks and policies, and LimitRanges are not enforced" in self.SAID
        )
        account = {"metadata": {"name": "nobody", "namespace": NAMESPACE}}
        await cluster.client.create(SERVICE_ACCOUNT, account)
        path = SERVICE_ACCOUNT.path(NAMESPACE, "nobody", "token")
        made = json.loads(await cluster.client.request("POST", path, body={"spec": {}}))
        token = Access(authorization=f"Bearer {made['status']['token']}")
        config = attrs.evolve(cluster.config, credentials=StaticCredentials(token))
        async with Client(config) as nobody:
            await nobody.list_page(SECRET)

    async def test_policies_and_webhooks(self, cluster):
        group = "admissionregistration.k8s.io"
        policy = {
            "metadata": {"name": "nothing"},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": [""],
                            "apiVersions": ["v1"],
                            "operations": ["CREATE"],
                            "resources": ["configmaps"],
                        }
                    ]
                },
                "validations": [{"expression": "false"}],
            },
        }
        binding = {
            "metadata": {"name": "nothing"},
            "spec": {"policyName": "nothing", "validationActions": ["Deny"]},
        }
        for name, plural, body in (
            ("ValidatingAdmissionPolicy", "validatingadmissionpolicies", policy),
            ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", binding),
        ):
            kind = Kind(group, "v1", name, plural, namespaced=False)
            await cluster.client.create(kind, body)
        await cluster.client.create(CONFIG_MAP, {"metadata": {"name": "c"}}, NAMESPACE)
        assert "validatingwebhookconfigurations" not in await self.served(cluster, f"apis/{group}")

    async def test_defaults_of_a_limit_range(self, cluster):
        spec = {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}
        limits = Kind("", "v1", "LimitRange", "limitranges")
        body = {"metadata": {"name": "limits"}, "spec": spec}
        await cluster.client.create(limits, body, NAMESPACE)
        spec = {"containers": [{"name": "main", "image": "main"}]}
        pod = {"metadata": {"name": "pod"}, "spec": spec}
        made = json.loads(await cluster.client.create(POD, pod, NAMESPACE))
        assert not made["spec"]["containers"][0]["resources"]

    async def test_ways_into_a_pod(self, cluster):
        served = await self.served(cluster, "api")
        assert "pods/log" in served
        for way in ("exec", "attach", "portforward"):
            assert f"pods/{way}" not in served
        assert "no `kubectl exec`, `attach` or `port-forward`" in self.SAID

    async def served(self, cluster, group):
        found = json.loads(await cluster.client.request("GET", f"/{group}/v1"))
        return {resource["name"] for resource in found["resources"]}
