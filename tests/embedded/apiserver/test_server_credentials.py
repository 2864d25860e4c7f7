"""TLS, client certificates, tokens, kubeconfigs."""

from __future__ import annotations

import base64
import random
import ssl
import stat
from datetime import UTC, datetime

import aiohttp
import pytest
import yaml
from api_caller import CONFIG_MAPS

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.embedded.apiserver.server import ApiServer, ApiServerOptions
from mlctl_core.embedded.certificates import Authority
from mlctl_core.embedded.kubeconfig import write_kubeconfig
from mlctl_core.objects.kinds import CONFIG_MAP
from mlctl_core.testing.clock import VirtualClock

WHO_AM_I = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest.fixture
async def server():
    async with ApiServer() as server:
        yield server


def context_for(server, pair=None, tmp_path=None):
    context = ssl.create_default_context(cadata=server.credentials().authority)
    if pair is not None:
        file = tmp_path / "pair.pem"
        file.write_text(pair.certificate + pair.key)
        context.load_cert_chain(file)
    return context


async def test_tls_is_on_by_default_with_an_authority_of_its_own(server):
    assert server.url.startswith("https://127.0.0.1:")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(f"{server.url}/healthz")
        async with session.get(f"{server.url}/healthz", ssl=context_for(server)) as response:
            assert response.status == 200


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc"])
async def test_without_credentials_that_mean_something_there_is_a_401(server, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    async with (
        aiohttp.ClientSession() as session,
        session.get(server.url + "/api", headers=headers, ssl=context_for(server)) as response,
    ):
        assert response.status == 401
        status = await response.json()
        assert (status["reason"], status["message"]) == ("Unauthorized", "Unauthorized")


async def test_a_client_certificate_says_who_one_is(server, tmp_path):
    credentials = server.credentials()
    context = context_for(server, credentials, tmp_path)
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.url + WHO_AM_I, json={}, ssl=context) as response,
    ):
        info = (await response.json())["status"]["userInfo"]
    assert info["username"] == "kubernetes-admin"
    assert info["groups"] == ["system:masters", "system:authenticated"]


async def test_a_certificate_of_another_authority_does_not_connect(server, tmp_path):
    stranger = Authority(server.cluster.clock.now()).client("kubernetes-admin", ["system:masters"])
    context = context_for(server, stranger, tmp_path)
    async with aiohttp.ClientSession() as session:
        with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
            await session.get(server.url + "/api", ssl=context)


async def test_a_kubeconfig_stands_on_its_own_and_is_private(server, tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text("what was there before")
    write_kubeconfig(path, server.kubeconfig())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["kubeconfig"]
    user = yaml.safe_load(path.read_text())["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]).startswith(b"-----BEGIN PRIVATE KEY-----")
    async with Client(load_config(str(path))) as client:
        page = await client.list_page(CONFIG_MAP, "default")
    assert len(page.items) == 1


async def test_a_client_in_the_process_needs_no_file(server):
    async with Client(server.client_config()) as client:
        assert await client.get(CONFIG_MAP, "kube-root-ca.crt", "default")


async def test_many_servers_run_in_one_process(serve):
    async with serve() as one, serve() as two:
        await one.made(CONFIG_MAPS, {"metadata": {"name": "a"}})
        assert (await two.get(f"{CONFIG_MAPS}/a")).status == 404


async def test_a_token_ends_when_its_time_is_over(serve):
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    async with serve(clock=clock, random=random.Random(1)) as api:
        path = "/api/v1/namespaces/default/serviceaccounts/default/token"
        token = (await api.made(path, {"spec": {"expirationSeconds": 600}}))["status"]["token"]
        headers = {"Authorization": f"Bearer {token}"}
        async with api.session.get("/api", headers=headers) as response:
            assert response.status == 200
        await clock.advance(601)
        async with api.session.get("/api", headers=headers) as response:
            assert response.status == 401


async def test_stopping_twice_is_stopping_once():
    server = ApiServer(ApiServerOptions(tls=False))
    await server.start()
    await server.stop()
    await server.stop()
