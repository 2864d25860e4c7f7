"""The control plane that other tests stand on, against the real programs."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.client.errors import ForbiddenError, NotFoundError
from mlctl_core.objects.kinds import CONFIG_MAP, NAMESPACE, NODE, POD
from mlctl_core.testing import control_plane
from mlctl_core.testing.control_plane import (
    UNLIMITED,
    ControlPlane,
    ControlPlaneOptions,
    RequestRefusedError,
)
from mlctl_core.testing.kubernetes.assets import (
    NEWEST,
    OLDEST,
    AssetsMissingError,
    assets_from_environment_or_cache,
    releases_to_test,
)
from mlctl_core.testing.kubernetes.audit import audit_policy
from mlctl_core.testing.kubernetes.component import ComponentFailedError

pytestmark = pytest.mark.real
PATIENCE = 60


@pytest.fixture(scope="module")
def plane():
    with ControlPlane(options=ControlPlaneOptions(audit_policy=audit_policy("Request"))) as running:
        yield running


@pytest.fixture
async def client(plane):
    async with Client(load_config(str(plane.kubeconfig))) as connected:
        yield connected


async def eventually(look):
    """What the look returns, as soon as that is true."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await look()):
            await asyncio.sleep(0.02)
    return found


def processes_of(directory):
    """The command lines that name the directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(directory) in command:
            found.append(command)
    return found


async def version(plane):
    async with Client(load_config(str(plane.kubeconfig))) as client:
        return json.loads(await client.request("GET", "/version"))["gitVersion"]


async def who_am_i(kubeconfig):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    async with Client(load_config(str(kubeconfig))) as client:
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        answer = json.loads(await client.request("POST", path, body=body))
    return answer["status"]["userInfo"]


def config_map(name, **metadata):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}
    return {**body, "metadata": {"namespace": "default", **body["metadata"]}}


async def test_it_is_the_version_that_was_built(plane):
    if "KUBEBUILDER_ASSETS" in os.environ:
        pytest.skip("the programs came from elsewhere")
    assert await version(plane) == f"v{NEWEST.version}"


async def test_objects_that_lose_their_owner_are_collected(client):
    owner = json.loads(await client.create(CONFIG_MAP, config_map("owner"), "default"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner"}
    reference["uid"] = owner["metadata"]["uid"]
    owned = config_map("owned", ownerReferences=[reference])
    await client.create(CONFIG_MAP, owned, "default")
    await client.delete(CONFIG_MAP, "owner", "default")

    async def is_gone():
        try:
            await client.get(CONFIG_MAP, "owned", "default")
        except NotFoundError:
            return True
        return False

    assert await eventually(is_gone)


async def test_pods_are_bound_to_nodes(client):
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node"},
        "status": {
            "capacity": {"cpu": "1", "memory": "1Gi", "pods": "9"},
            "allocatable": {"cpu": "1", "memory": "1Gi", "pods": "9"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    await client.create(NODE, node)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod"},
        "spec": {"containers": [{"name": "main", "image": "none"}]},
    }
    await client.create(POD, pod, "default")

    async def node_of_it():
        return json.loads(await client.get(POD, "pod", "default"))["spec"].get("nodeName")

    assert await eventually(node_of_it) == "node"


async def test_a_kubeconfig_is_for_the_user_and_groups_it_was_asked_for(plane):
    user = await who_am_i(plane.kubeconfig_for("ada", ["team", "staff"]))
    assert user["username"] == "ada"
    assert set(user["groups"]) == {"team", "staff", "system:authenticated"}


async def test_a_user_may_do_only_what_rbac_grants(plane):
    async with Client(load_config(str(plane.kubeconfig_for("ada")))) as client:
        with pytest.raises(ForbiddenError, match='User "ada" cannot list resource "pods"'):
            await client.list_page(POD, "default")


async def test_a_kubeconfig_is_for_the_service_account_it_was_asked_for(plane):
    user = await who_am_i(plane.kubeconfig_for_service_account("default", "default"))
    assert user["username"] == "system:serviceaccount:default:default"


def test_there_is_no_token_for_a_service_account_that_is_not_there(plane):
    with pytest.raises(RequestRefusedError, match='serviceaccounts "nobody" not found'):
        plane.kubeconfig_for_service_account("default", "nobody")


async def test_requests_can_be_read_back_from_the_audit_log(plane, client):
    await client.create(CONFIG_MAP, config_map("audited"), "default")
    [event] = [
        event
        for event in plane.audit_events()
        if event.get("objectRef", {}).get("resource") == "configmaps"
        and event.get("requestObject", {}).get("metadata", {}).get("name") == "audited"
    ]
    assert event["verb"] == "create"
    assert event["user"]["username"] == "kubernetes-admin"
    assert event["requestObject"]["metadata"]["name"] == "audited"
    assert event["responseStatus"]["code"] == 201


async def test_only_the_users_asked_for_are_audited(tmp_path):
    options = ControlPlaneOptions(
        scheduler=False,
        audit_policy=audit_policy("Metadata", ["ada"]),
        api_server_flags=UNLIMITED,
    )
    async with ControlPlane(options=options, directory=tmp_path / "kept") as plane:
        for user in ("ada", "grace"):
            async with Client(load_config(str(plane.kubeconfig_for(user)))) as client:
                with pytest.raises(ForbiddenError):
                    await client.list_page(NAMESPACE)
    events = list(plane.audit_events())
    assert {(e["user"]["username"], e["verb"], e["responseStatus"]["code"]) for e in events} == {
        ("ada", "list", 403)
    }
    assert not (tmp_path / "kept" / "kube-scheduler.log").exists()
    assert processes_of(tmp_path) == []


async def test_another_at_the_same_time_has_ports_and_state_of_its_own(plane, client):
    await client.create(CONFIG_MAP, config_map("only-here"), "default")
    async with ControlPlane() as other:
        assert other.url != plane.url
        async with Client(load_config(str(other.kubeconfig))) as of_other:
            with pytest.raises(NotFoundError):
                await of_other.get(CONFIG_MAP, "only-here", "default")
        assert len(processes_of(other.directory)) == 8  # four, and a guard of each
    assert processes_of(other.directory) == []
    assert not other.directory.exists()
    await client.get(CONFIG_MAP, "only-here", "default")


async def test_a_port_that_somebody_took_is_given_up_for_another(monkeypatch):
    free_port = control_plane._free_port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        offers = [taken.getsockname()[1]]
        monkeypatch.setattr(
            control_plane, "_free_port", lambda: offers.pop() if offers else free_port()
        )
        async with ControlPlane(options=ControlPlaneOptions(scheduler=False)) as plane:
            assert not offers
            assert await version(plane)


@pytest.mark.parametrize("kill", [False, True])
async def test_the_api_server_restarts_on_its_port_with_its_state(kill):
    async with ControlPlane(options=ControlPlaneOptions(scheduler=False)) as plane:
        url, before = plane.url, processes_of(plane.directory)
        async with Client(load_config(str(plane.kubeconfig))) as client:
            await client.create(CONFIG_MAP, config_map("kept"), "default")
            await asyncio.to_thread(plane.restart_api_server, kill=kill)
            await client.get(CONFIG_MAP, "kept", "default")
        assert plane.url == url
        assert sorted(processes_of(plane.directory)) == sorted(before)
    assert processes_of(plane.directory) == []


def test_a_component_that_fails_is_shown_with_the_end_of_its_log(tmp_path):
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho starting\necho out of luck\nexit 7\n")
    broken.chmod(0o755)
    assets = attrs.evolve(assets_from_environment_or_cache(), kube_apiserver=broken)
    plane = ControlPlane(assets, directory=tmp_path / "state")
    with pytest.raises(ComponentFailedError) as caught:
        plane.start()
    assert str(caught.value) == ("kube-apiserver ended with exit code 7\n  starting\n  out of luck")
    assert processes_of(tmp_path) == []


def test_missing_programs_are_said_before_anything_starts(monkeypatch, tmp_path):
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    with pytest.raises(AssetsMissingError):
        ControlPlane().start()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_the_one_that_started_it(tmp_path, number):
    script = f"""
import pathlib, time
from mlctl_core.testing.control_plane import ControlPlane
ControlPlane(directory=pathlib.Path({str(tmp_path / "state")!r})).start()
print("ready", flush=True)
time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as starter:
        assert starter.stdout.readline() == b"ready\n"
        assert processes_of(tmp_path / "state")
        starter.send_signal(number)
    end = time.monotonic() + PATIENCE
    while processes_of(tmp_path / "state"):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(OLDEST not in releases_to_test(), reason="another release was named")
async def test_the_oldest_release_that_is_supported_runs_too():
    async with ControlPlane(assets_from_environment_or_cache(OLDEST)) as plane:
        assert await version(plane) == f"v{OLDEST.version}"


async def test_without_a_controller_manager_the_api_server_is_all_there_is():
    options = ControlPlaneOptions(scheduler=False, controller_manager=False)
    async with ControlPlane(options=options) as plane:
        assert await version(plane)
        assert not (plane.directory / "kube-controller-manager.log").exists()
