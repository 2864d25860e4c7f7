import asyncio
import json
import ssl
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager

import pytest
import yaml
from client_certificates import Identity, data

from mlctl_core.client import incluster
from mlctl_core.client.client import Client
from mlctl_core.client.config import ClusterConfig, load_config
from mlctl_core.client.errors import ConfigError, ConnectionFailedError
from mlctl_core.client.loader import config_module
from mlctl_core.client.tls import TlsContexts
from mlctl_core.objects.kinds import NODE
from mlctl_core.testing.clock import VirtualClock

CANARY = "s3cret-canary"


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch, tmp_path):
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    return temporary


def kubeconfig(path, *, server="https://127.0.0.1:1", cluster=None, user=None, context=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    name = path.stem
    users = [] if user is None else [{"name": name, "user": user}]
    context = {"cluster": name, **({} if user is None else {"user": name}), **(context or {})}
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": name, "cluster": {"server": server, **(cluster or {})}}],
                "users": users,
                "contexts": [{"name": name, "context": context}],
                "current-context": name,
            }
        )
    )
    return str(path)


async def access(config):
    return await config.credentials.access()


class TestWhereItIsFound:
    def test_the_named_file_comes_first(self, tmp_path, monkeypatch):
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path / "env", server="https://env"))
        named = kubeconfig(tmp_path / "named", server="https://named")
        assert load_config(named).server == "https://named"

    def test_then_the_environment_as_it_is_now(self, tmp_path, monkeypatch):
        kubeconfig(tmp_path / "home/.kube/config", server="https://home")
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path / "env", server="https://env"))
        assert load_config().server == "https://env"

    def test_then_the_home_directory(self, tmp_path, monkeypatch):
        kubeconfig(tmp_path / "home/.kube/config", server="https://home")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
        assert load_config().server == "https://home"

    def test_then_the_pod(self, monkeypatch, tmp_path):
        monkeypatch.setattr(incluster, "SERVICE_ACCOUNT", tmp_path)
        (tmp_path / "namespace").write_text("team-a\n")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
        config = load_config()
        assert (config.server, config.namespace) == ("https://[fd00::1]:443", "team-a")

    def test_and_else_the_error_says_where_it_was_looked_for(self):
        with pytest.raises(ConfigError, match=r"KUBECONFIG.*kube/config.*not a pod"):
            load_config()

    def test_a_context_without_a_file_is_an_error(self):
        with pytest.raises(ConfigError, match="context 'c'"):
            load_config(context="c")

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(ConfigError, match="missing: no such file"):
            load_config(str(tmp_path / "missing"))

    def test_several_files_are_one(self, tmp_path):
        one = kubeconfig(tmp_path / "one", server="https://one")
        two = kubeconfig(tmp_path / "two", server="https://two")
        assert load_config(f"{one}:{two}").server == "https://two"
        assert load_config(f"{one}:{two}", "one").server == "https://one"


class TestWhatAContextSays:
    def test_namespace_server_name_and_proxy(self, tmp_path):
        config = load_config(
            kubeconfig(
                tmp_path / "c",
                cluster={"tls-server-name": "kubernetes", "proxy-url": "http://proxy:1"},
                context={"namespace": "team-a"},
            )
        )
        assert config.namespace == "team-a"
        assert config.server_name == "kubernetes"
        assert config.proxy == "http://proxy:1"

    def test_the_namespace_is_default_by_default(self, tmp_path):
        assert load_config(kubeconfig(tmp_path / "c")).namespace == "default"

    @pytest.mark.parametrize("text", ["", "[]", "apiVersion: v1", "clusters: 3", "a: b: c", "{"])
    def test_a_file_that_is_not_a_kubeconfig_is_an_error(self, tmp_path, text):
        path = tmp_path / "bad"
        path.write_text(text)
        with pytest.raises(ConfigError, match=str(path)):
            load_config(str(path))

    def test_an_unknown_context_is_an_error_that_names_it(self, tmp_path):
        with pytest.raises(ConfigError, match="context other"):
            load_config(kubeconfig(tmp_path / "c"), "other")

    def test_no_error_quotes_the_file(self, tmp_path):
        path = tmp_path / "c"
        kubeconfig(path, user={"token": CANARY})
        broken = yaml.safe_load(path.read_text())
        del broken["clusters"][0]["cluster"]["server"]
        broken["clusters"][0]["cluster"]["note"] = CANARY
        variants = [
            yaml.safe_dump(broken),
            f"users: [{{token: {CANARY}, : }}",
            path.read_text().replace("cluster: c\n", "cluster: d\n"),
            f"current-context: c\ncontexts: [{{nam: c, token: {CANARY}}}]\nclusters: []",
        ]
        for text in variants:
            path.write_text(text)
            with pytest.raises(ConfigError) as caught:
                load_config(str(path))
            assert CANARY not in str(caught.value)

    def test_secrets_are_not_in_the_representation(self, tmp_path):
        config = load_config(kubeconfig(tmp_path / "c", user={"token": CANARY}))
        assert CANARY not in repr(config)


class TestCredentials:
    async def test_a_context_without_a_user_has_none(self, tmp_path):
        got = await access(load_config(kubeconfig(tmp_path / "c")))
        assert got.authorization is None
        assert isinstance(got.tls, ssl.SSLContext)

    async def test_plain_http_has_no_tls(self, tmp_path):
        got = await access(load_config(kubeconfig(tmp_path / "c", server="http://x")))
        assert got.tls is None

    async def test_a_token(self, tmp_path):
        got = await access(load_config(kubeconfig(tmp_path / "c", user={"token": CANARY})))
        assert got.authorization == f"Bearer {CANARY}"
        assert CANARY not in repr(got)

    async def test_user_and_password(self, tmp_path):
        user = {"username": "u", "password": "p"}
        got = await access(load_config(kubeconfig(tmp_path / "c", user=user)))
        assert got.authorization == "Basic dTpw"

    async def test_a_token_file_is_read_again_within_a_minute(self, tmp_path):
        clock = VirtualClock()
        (tmp_path / "token").write_text("one\n")
        config = load_config(kubeconfig(tmp_path / "c", user={"tokenFile": "token"}), clock=clock)
        assert (await access(config)).authorization == "Bearer one"
        (tmp_path / "token").write_text("two\n")
        await clock.advance(59)
        assert (await access(config)).authorization == "Bearer one"
        await clock.advance(1)
        assert (await access(config)).authorization == "Bearer two"

    async def test_the_same_certificates_give_the_same_context(self, tmp_path):
        clock = VirtualClock()
        config = load_config(kubeconfig(tmp_path / "c", user={"token": "a"}), clock=clock)
        first = await access(config)
        await clock.advance(60)
        assert (await access(config)).tls is first.tls

    async def test_a_file_that_cannot_be_read_again_changes_nothing(self, tmp_path):
        clock = VirtualClock()
        path = kubeconfig(tmp_path / "c", user={"token": "a"})
        config = load_config(path, clock=clock)
        first = await access(config)
        (tmp_path / "c").write_text("{")
        await clock.advance(60)
        assert await access(config) is first

    async def test_unless_what_is_there_was_refused(self, tmp_path):
        config = load_config(kubeconfig(tmp_path / "c", user={"token": "a"}))
        config.credentials.refused(await access(config))
        (tmp_path / "c").write_text("{")
        with pytest.raises(ConfigError):
            await access(config)


def plugin(tmp_path, status):
    """A user whose program counts its runs and says what ``status`` makes of the count."""
    program = tmp_path / "plugin.py"
    program.write_text(
        f"""
import json, pathlib
runs = pathlib.Path({str(tmp_path / "runs")!r})
n = int(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text(str(n))
status = {{k: v.replace("#", str(n)) for k, v in {status!r}.items()}}
print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                  "status": status}}))
"""
    )
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(program)],
        }
    }


class TestPlugins:
    async def test_a_plugin_is_not_run_to_load_the_configuration(self, tmp_path):
        load_config(kubeconfig(tmp_path / "c", user=plugin(tmp_path, {"token": "t"})))
        assert not (tmp_path / "runs").exists()

    async def test_a_plugin_runs_once_for_many_requests_at_once(self, tmp_path):
        config = load_config(kubeconfig(tmp_path / "c", user=plugin(tmp_path, {"token": "t#"})))
        got = await asyncio.gather(*(access(config) for _ in range(5)))
        assert {each.authorization for each in got} == {"Bearer t1"}

    async def test_a_plugin_without_an_expiry_is_not_asked_again(self, tmp_path):
        clock = VirtualClock()
        user = plugin(tmp_path, {"token": "t#"})
        config = load_config(kubeconfig(tmp_path / "c", user=user), clock=clock)
        first = await access(config)
        clock.step_wall(86_400)
        await clock.advance(3600)
        assert await access(config) is first

    async def test_a_plugin_is_asked_again_before_its_answer_expires(self, tmp_path):
        clock = VirtualClock()
        user = plugin(tmp_path, {"token": "t#", "expirationTimestamp": "2026-01-01T01:00:00Z"})
        config = load_config(kubeconfig(tmp_path / "c", user=user), clock=clock)
        assert (await access(config)).authorization == "Bearer t1"
        await clock.advance(3600 - 11)
        assert (await access(config)).authorization == "Bearer t1"
        await clock.advance(1)
        assert (await access(config)).authorization == "Bearer t2"

    async def test_a_plugin_is_asked_again_after_a_refusal_once(self, tmp_path):
        config = load_config(kubeconfig(tmp_path / "c", user=plugin(tmp_path, {"token": "t#"})))
        old = await access(config)
        config.credentials.refused(old)
        assert (await access(config)).authorization == "Bearer t2"
        config.credentials.refused(old)
        assert (await access(config)).authorization == "Bearer t2"

    async def test_a_plugin_may_answer_with_a_certificate(self, tmp_path, nothing_configured):
        me = Identity("me")
        status = {
            "clientCertificateData": me.pem.decode(),
            "clientKeyData": me.key_pem().decode(),
        }
        got = await access(load_config(kubeconfig(tmp_path / "c", user=plugin(tmp_path, status))))
        assert got.tls is not None
        assert list(nothing_configured.iterdir()) == []

    async def test_a_plugin_that_fails_is_an_error_with_its_words(self, tmp_path):
        user = {
            "exec": {"apiVersion": "v1", "command": "sh", "args": ["-c", "echo no >&2; exit 3"]}
        }
        config = load_config(kubeconfig(tmp_path / "c", user=user))
        with pytest.raises(ConfigError, match=r"returned 3. no"):
            await access(config)


class TestServiceAccount:
    @pytest.fixture
    def mounted(self, tmp_path, monkeypatch):
        monkeypatch.setattr(incluster, "SERVICE_ACCOUNT", tmp_path)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
        (tmp_path / "token").write_text("one\n")
        (tmp_path / "ca.crt").write_bytes(Identity("ca").pem)
        return tmp_path

    async def test_its_token_is_followed_and_a_new_ca_too(self, mounted):
        clock = VirtualClock()
        config = load_config(clock=clock)
        first = await access(config)
        assert first.authorization == "Bearer one"
        (mounted / "token").write_text("two\n")
        await clock.advance(60)
        second = await access(config)
        assert second.authorization == "Bearer two"
        assert second.tls is first.tls
        (mounted / "ca.crt").write_bytes(Identity("other").pem)
        await clock.advance(60)
        assert (await access(config)).tls is not first.tls

    @pytest.mark.parametrize("name", ["token", "ca.crt"])
    async def test_what_is_missing_is_named(self, mounted, name):
        (mounted / name).unlink()
        with pytest.raises(ConfigError, match="service account"):
            await access(load_config())


class TestTls:
    def test_a_key_with_a_password_is_refused_rather_than_asked_for(self, tmp_path):
        me = Identity("me")
        certificate, key = me.write(tmp_path, "me")
        (tmp_path / "me.key").write_bytes(me.key_pem(b"secret"))
        with pytest.raises(ssl.SSLError):
            TlsContexts().context(ca_file=certificate, certificate_file=certificate, key_file=key)

    def test_what_other_clusters_certificates_lack_is_not_demanded(self, tmp_path):
        certificate, _ = Identity("ca").write(tmp_path, "ca")
        context = TlsContexts().context(ca_file=certificate)
        assert not context.verify_flags & ssl.VERIFY_X509_STRICT
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname

    def test_verification_can_be_switched_off(self):
        context = TlsContexts().context(ca_file=None, verify=False)
        assert context.verify_mode is ssl.CERT_NONE

    async def test_client_and_server_know_each_other_by_their_certificates(
        self, tmp_path, nothing_configured
    ):
        ca = Identity("ca")
        async with mutual_tls(tmp_path, ca) as (url, peers):
            me = Identity("me", ca)
            user = {"client-certificate-data": data(me.pem), "client-key-data": data(me.key_pem())}
            cluster = {"certificate-authority-data": data(ca.pem)}
            path = kubeconfig(tmp_path / "c", server=url, cluster=cluster, user=user)
            async with Client(load_config(path)) as client:
                assert json.loads(await client.get(NODE, "n")) == {}
                assert list(nothing_configured.iterdir()) == []
        assert peers == ["me"]

    async def test_a_server_signed_by_somebody_else_is_not_talked_to(self, tmp_path):
        async with mutual_tls(tmp_path, Identity("ca")) as (url, peers):
            cluster = {"certificate-authority-data": data(Identity("other").pem)}
            path = kubeconfig(tmp_path / "c", server=url, cluster=cluster)
            async with Client(load_config(path)) as client:
                with pytest.raises(ConnectionFailedError, match="CERTIFICATE_VERIFY_FAILED"):
                    await client.get(NODE, "n")
        assert peers == []


@asynccontextmanager
async def mutual_tls(folder, ca):
    """A server that answers {} to whoever shows a certificate; gives its URL, notes the names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Identity("server", ca).write(folder, "server"))
    context.load_verify_locations(cadata=ca.pem.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    peers = []

    async def answer(reader, writer):
        peers.append(writer.get_extra_info("peercert")["subject"][0][0][1])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", peers


class TestLoader:
    def test_the_models_are_not_imported_and_the_real_package_still_is(self):
        program = """
import sys
from mlctl_core.client.loader import config_module
assert config_module("kube_config").KubeConfigLoader
assert config_module("kube_config") is config_module("kube_config")
assert not [name for name in sys.modules if name.startswith("kubernetes_asyncio")]
import kubernetes_asyncio.client
assert kubernetes_asyncio.client.V1Pod
assert kubernetes_asyncio.config.load_kube_config
assert config_module("incluster_config").load_incluster_config
"""
        subprocess.run([sys.executable, "-c", program], check=True, timeout=60)

    def test_a_module_that_is_not_there_is_an_import_error(self):
        with pytest.raises(ImportError):
            config_module("nothing_of_that_name")


def test_a_cluster_by_hand_needs_a_url_only():
    config = ClusterConfig(server="http://127.0.0.1:8001/")
    assert config.server == "http://127.0.0.1:8001"
    assert config.namespace == "default"
