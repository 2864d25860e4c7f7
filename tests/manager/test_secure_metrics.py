"""/metrics over TLS, as a whole manager serves it."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
import attrs
import pytest
from website_cluster import OPTIONS, PATIENCE, running

from mlctl_core.clock import SystemClock
from mlctl_core.embedded.certificates import Authority
from mlctl_core.manager import usage
from mlctl_core.manager.args import ManagerOptions
from mlctl_core.manager.certificates import (
    FOLLOW_SECONDS,
    CertificateError,
    ServingCertificate,
)
from mlctl_core.manager.manager import Manager
from mlctl_core.testing.clock import VirtualClock

SECURE = attrs.evolve(OPTIONS, metrics_secure=True)


async def scrape(port, token=None, *, ca=None, scheme="https"):
    """Status and text; any certificate will do unless the authority is given."""
    tls = ssl.create_default_context(cadata=ca) if ca else False
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{scheme}://localhost:{port}/metrics"
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(url, ssl=tls, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


@pytest.fixture
async def token(cluster):
    return (await cluster.config.credentials.access()).authorization.removeprefix("Bearer ")


@pytest.fixture
def folder(tmp_path):
    """A folder as a mounted Secret of type kubernetes.io/tls; returns its authority."""
    write_pair(tmp_path)
    return tmp_path


def write_pair(path):
    authority = Authority(SystemClock().now())
    pair = authority.server("metrics", ["127.0.0.1"], ["localhost"])
    (path / "tls.crt").write_text(pair.certificate)
    (path / "tls.key").write_text(pair.key)
    (path / "ca.crt").write_text(authority.certificate)


async def test_who_has_a_token_is_served_over_tls_and_nobody_else(cluster, token):
    async with running(cluster.manager(SECURE)) as manager:
        port = manager.ports["/metrics"]
        status, text = await scrape(port, token)
        assert status == 200
        assert 'controller_runtime_max_concurrent_reconciles{controller="website"}' in text
        assert await scrape(port) == (401, "Unauthorized\n")
        assert await scrape(port, "made-up") == (401, "Unauthorized\n")
        with pytest.raises(aiohttp.ClientError):
            await scrape(port, token, scheme="http")


async def test_metrics_are_in_the_clear_unless_told_otherwise(cluster):
    async with running(cluster.manager()) as manager:
        status, _ = await scrape(manager.ports["/metrics"], scheme="http")
        assert status == 200


async def test_probes_stay_in_the_clear(cluster):
    async with (
        running(cluster.manager(SECURE)) as manager,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{manager.ports['/readyz']}/readyz") as answer,
    ):
        assert answer.status == 200


async def test_a_standby_is_scraped_like_a_leader(cluster, token):
    elected = attrs.evolve(SECURE, leader_elect=True)
    async with running(cluster.manager(elected)), running(cluster.manager(elected)) as second:
        status, text = await scrape(second.ports["/metrics"], token)
        assert status == 200
        assert 'leader_election_master_status{name="test"} 0.0' in text


async def test_nobody_is_let_in_while_the_api_server_is_away(cluster, token):
    config = attrs.evolve(cluster.config, server="http://127.0.0.1:1")
    manager = Manager(SECURE, config=config)
    async with manager.running():
        assert await scrape(manager.ports["/metrics"], token) == (500, "Internal Server Error\n")


async def test_a_certificate_that_is_given_is_served(cluster, token, folder):
    options = attrs.evolve(SECURE, metrics_cert_path=str(folder))
    async with running(cluster.manager(options)) as manager:
        ca = (folder / "ca.crt").read_text()
        assert (await scrape(manager.ports["/metrics"], token, ca=ca))[0] == 200


def presented(context):
    """The certificate that a client is shown, by a handshake in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    any_server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    any_server.check_hostname = False
    any_server.verify_mode = ssl.CERT_NONE
    client = any_server.wrap_bio(to_client, to_server)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.getpeercert(binary_form=True)


class TestFiles:
    @pytest.fixture
    def clock(self):
        return VirtualClock()

    @pytest.fixture
    async def served(self, folder, clock):
        certificate = ServingCertificate(folder, clock=clock)
        following = asyncio.create_task(certificate.follow())
        await clock.settle()
        yield certificate.context
        following.cancel()

    async def test_a_certificate_that_is_renewed_is_served_soon(self, served, folder, clock):
        before = presented(served)
        assert before == presented(served)
        write_pair(folder)
        await clock.advance(FOLLOW_SECONDS)
        assert presented(served) != before

    async def test_files_that_make_no_sense_leave_the_last_certificate_in_use(
        self, served, folder, clock
    ):
        before = presented(served)
        old_key = (folder / "tls.key").read_text()
        write_pair(folder)
        (folder / "tls.key").write_text(old_key)  # renewed by halves
        await clock.advance(FOLLOW_SECONDS)
        assert presented(served) == before
        (folder / "tls.key").unlink()
        await clock.advance(FOLLOW_SECONDS)
        assert presented(served) == before
        write_pair(folder)
        await clock.advance(FOLLOW_SECONDS)
        assert presented(served) != before

    @pytest.mark.parametrize(
        ("name", "content", "complaint"),
        [
            ("tls.key", None, "tls.key: No such file"),
            ("tls.crt", "CANARY", "are no certificate with its key"),
            ("tls.key", "CANARY", "are no certificate with its key"),
        ],
    )
    def test_a_certificate_that_is_none_is_said_at_the_start(
        self, folder, clock, name, content, complaint
    ):
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(content)
        with pytest.raises(CertificateError, match=complaint) as raised:
            ServingCertificate(folder, clock=clock)
        assert "CANARY" not in str(raised.value)


async def test_a_certificate_that_is_none_ends_the_start(cluster, tmp_path):
    manager = cluster.manager(attrs.evolve(SECURE, metrics_cert_path=str(tmp_path)))
    with pytest.raises(CertificateError):
        async with manager.running():
            pass


def test_without_the_package_that_makes_certificates_one_must_be_given(monkeypatch, capsys):
    monkeypatch.setattr(usage, "can_be_self_made", lambda: False)
    with pytest.raises(SystemExit) as raised:
        Manager(ManagerOptions(metrics_secure=True)).run()
    assert raised.value.code == 2
    assert "give --metrics-cert-path, or install mlctl[metrics-secure]" in capsys.readouterr().err
