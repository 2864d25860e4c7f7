"""A real Kubernetes control plane for tests: etcd, API server, controller manager, scheduler.

The judge of what a controller does, as envtest is for Go, with garbage collection, namespace
deletion and scheduling besides. There is no kubelet: `python -m mlctl_core.embedded.node` makes
nodes, simulated or with local processes. A fixture for pytest::

    import pytest
    from mlctl_core.testing.control_plane import ControlPlane

    @pytest.fixture(scope="session")
    def control_plane():
        with ControlPlane() as plane:
            yield plane

    async def test_it_reconciles(control_plane):
        async with Client(load_config(str(control_plane.kubeconfig))) as client:
            ...

The programs are built once, by `python -m mlctl_core.testing.kubernetes`.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import socket
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import attrs

from mlctl_core.clock import Clock, SystemClock
from mlctl_core.objects.json import Json
from mlctl_core.testing.kubernetes.assets import Assets, assets_from_environment_or_cache
from mlctl_core.testing.kubernetes.audit import read_audit_log
from mlctl_core.testing.kubernetes.component import Component, ComponentFailedError
from mlctl_core.testing.kubernetes.credentials import ADMINISTRATORS, CredentialFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType


__all__ = ["UNLIMITED", "ControlPlane", "ControlPlaneOptions", "RequestRefusedError"]

UNLIMITED = (
    "--max-requests-inflight=0",
    "--max-mutating-requests-inflight=0",
    "--enable-priority-and-fairness=false",
)
"""Flags of the API server for load tests: nobody is told to come back later."""

_READY_SECONDS = 60.0
"""For each step of the start. It takes four seconds in all on an idle machine."""
_ANSWER_SECONDS = 5.0
"""For one request. Whoever took the port may listen there and say nothing."""
_STOP_SECONDS = 5.0
"""Nothing is kept, so no more is given than an audit log needs to be whole."""
_PORT_ATTEMPTS = 5
"""Somebody else may take the port that was free a moment before."""
_TOKEN_SECONDS = 24 * 3600
"""Of a ServiceAccount's token: longer than any run of tests."""
_CLIENT_FLAGS = ("--kube-api-qps=5000", "--kube-api-burst=10000", "--leader-elect=false")
"""With the default of 50 requests a second the scheduler would be what a load test measures."""


class RequestRefusedError(Exception):
    """The API server answered with an error to what the control plane itself asked."""


@attrs.frozen
class ControlPlaneOptions:
    """How a control plane differs from the usual."""

    scheduler: bool = True
    """Whether pods are bound to nodes. Without, they stay as tests leave them."""

    controller_manager: bool = True
    """Whether objects are collected, namespaces emptied and given a ServiceAccount. Without, the
    API server is all there is: nobody writes but those who ask."""

    audit_policy: Json | None = None
    """A Policy of audit.k8s.io/v1 (see `audit_policy`); by default nothing is logged."""

    api_server_flags: Sequence[str] = ()
    """Added behind the usual ones, such as `UNLIMITED`."""


class ControlPlane:
    """A control plane of its own state on free ports of 127.0.0.1, from `start` to `stop`.

    Promises that the API server is ready and, with a controller manager, the namespace
    ``default`` has its ServiceAccount when `start` returns; that several run at once; and that
    no process outlives this one, even one killed with SIGKILL (a child made by fork without exec
    keeps it alive). Not thread-safe.
    """

    def __init__(
        self,
        assets: Assets | None = None,
        options: ControlPlaneOptions | None = None,
        *,
        directory: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Prepare a control plane.

        Args:
            assets: its programs; by default `assets_from_environment_or_cache()`, at start.
            options: what differs from the usual.
            directory: for its state, logs and keys, to be kept; by default a temporary one.
            clock: measures the waits.
        """
        self._assets = assets
        self._options = options or ControlPlaneOptions()
        self._kept_directory = directory
        self._clock = clock or SystemClock()
        self._stack = ExitStack()
        self._directory: Path | None = None
        self._port = 0
        self._kubeconfig: Path | None = None
        self._api_server: Component | None = None

    # -- life ------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything; blocks for about four seconds.

        Raises:
            AssetsMissingError: a program is not there.
            ComponentFailedError: a program ended or did not become ready; with its log's end.
        """
        assets = self._assets or assets_from_environment_or_cache()
        with ExitStack() as stack:
            self._start(assets, stack)
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """Stop everything, the API server before etcd, and remove what was temporary."""
        self._stack.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    def restart_api_server(self, *, kill: bool = False) -> None:
        """Stop or kill the API server and start it again, on its port and with its state.

        What clients see: connections that are refused, watches that break, and for a moment
        429 for custom resources, whose storage is initialised anew.

        Raises:
            ComponentFailedError: it did not become ready again.
        """
        assert self._api_server is not None, "the control plane was not started"
        if kill:
            self._api_server.kill()
        else:
            self._api_server.stop(_STOP_SECONDS)
        self._api_server = self._run(*self._api_server_command)
        self._wait_until_ready(self._api_server)

    # -- what tests ask for ----------------------------------------------------------------

    @property
    def directory(self) -> Path:
        """Its state, logs (``<component>.log``) and keys."""
        assert self._directory is not None, "the control plane was not started"
        return self._directory

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def kubeconfig(self) -> Path:
        """For a user who may do anything."""
        assert self._kubeconfig is not None, "the control plane was not started"
        return self._kubeconfig

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """Write a kubeconfig for a user of that name in those groups, by client certificate."""
        return self._credentials.user(self.url, user, groups)

    def kubeconfig_for_service_account(self, namespace: str, name: str, pod: str = "") -> Path:
        """Write a kubeconfig with a token of the ServiceAccount, which must exist.

        With ``pod`` it is the token that this pod would find mounted.

        Raises:
            RequestRefusedError: it does not exist, or the pod does not.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        bound = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": pod}} if pod else {}
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS, **bound},
        }
        status, body = self._request("POST", path, request)
        answer = json.loads(body)
        if status != http.client.CREATED:
            raise RequestRefusedError(answer["message"])
        return self._credentials.bearer(self.url, answer["status"]["token"])

    def audit_events(self) -> Iterator[Json]:
        """Yield the audit events so far (see `read_audit_log`)."""
        return read_audit_log(self._audit_log)

    # -- parts -----------------------------------------------------------------------------

    @property
    def _audit_log(self) -> Path:
        return self.directory / "audit.log"

    def _start(self, assets: Assets, stack: ExitStack) -> None:
        self._directory = self._kept_directory or Path(tempfile.mkdtemp(prefix="control-plane-"))
        if self._kept_directory is None:
            stack.callback(shutil.rmtree, self._directory, ignore_errors=True)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._credentials = CredentialFiles(self._directory / "credentials", self._clock.now())
        self._administrator = self._credentials.administrator()
        etcd = self._start_etcd(assets, stack)
        server = self._start_api_server(assets, etcd, stack)
        manager = None
        if self._options.controller_manager:
            manager = self._start_controller_manager(assets, stack)
        if self._options.scheduler:
            self._start_scheduler(assets, stack)
        self._kubeconfig = self._credentials.user(self.url, "kubernetes-admin", (ADMINISTRATORS,))
        self._wait_until_ready(server)
        if manager is not None:
            account, name = "/api/v1/namespaces/default/serviceaccounts/default", "ServiceAccount"
            manager.wait_until(lambda: self._answers(account), name, _READY_SECONDS)

    def _wait_until_ready(self, server: Component) -> None:
        server.wait_until(lambda: self._answers("/readyz"), "readiness", _READY_SECONDS)

    def _run(self, program: Path, flags: Sequence[str]) -> Component:
        log = self.directory / f"{program.name}.log"
        return Component([str(program), *flags], log, self._clock)

    def _keep(self, component: Component, stack: ExitStack) -> Component:
        stack.callback(component.stop, _STOP_SECONDS)
        return component

    def _stop_api_server(self) -> None:
        if self._api_server is not None:
            self._api_server.stop(_STOP_SECONDS)

    def _start_etcd(self, assets: Assets, stack: ExitStack) -> str:
        """Start etcd on ports that the kernel chooses; return its URL."""
        any_port = "http://127.0.0.1:0"
        flags = [
            "--name=default",
            f"--data-dir={self.directory / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={any_port}",
            f"--advertise-client-urls={any_port}",
            f"--listen-peer-urls={any_port}",
            f"--initial-advertise-peer-urls={any_port}",
            f"--initial-cluster=default={any_port}",
        ]
        etcd = self._keep(self._run(assets.etcd, flags), stack)
        serving = r'"msg":"serving client traffic[^\n]*"address":"([^"]+)"'
        etcd.wait_until(lambda: etcd.find(serving) is not None, "address", _READY_SECONDS)
        return f"http://{etcd.find(serving)}"

    def _start_api_server(self, assets: Assets, etcd: str, stack: ExitStack) -> Component:
        """Start the API server and wait until it answers."""
        files = self._credentials
        flags = [
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--tls-cert-file={files.server_certificate}",
            f"--tls-private-key-file={files.server_key}",
            f"--client-ca-file={files.authority}",
            f"--kubelet-client-certificate={files.kubelet_certificate}",
            f"--kubelet-client-key={files.kubelet_key}",
            # The names of nodes that run as local processes are not to be resolved.
            "--kubelet-preferred-address-types=InternalIP",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
            f"--service-account-key-file={files.token_public_key}",
            f"--service-account-signing-key-file={files.token_key}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            *self._audit_flags(),
            *self._options.api_server_flags,
        ]
        stack.callback(self._stop_api_server)
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self._port = _free_port()
            command = (assets.kube_apiserver, [*flags, f"--secure-port={self._port}"])
            self._api_server_command = command
            server = self._api_server = self._run(*command)
            try:
                server.wait_until(lambda: self._answers("/livez/ping"), "answer", _READY_SECONDS)
            except ComponentFailedError:
                if attempt == _PORT_ATTEMPTS or not server.find("(address already in use)"):
                    raise
                server.kill()
            else:
                return server
        raise AssertionError("the last attempt returns or raises")

    def _audit_flags(self) -> list[str]:
        if self._options.audit_policy is None:
            return []
        policy = self.directory / "audit-policy.json"
        policy.write_text(json.dumps(self._options.audit_policy), encoding="utf-8")
        return [
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._audit_log}",
            "--audit-log-maxsize=100000",  # megabytes: never begun anew, which would lose events
        ]

    def _start_controller_manager(self, assets: Assets, stack: ExitStack) -> Component:
        files = self._credentials
        name = "system:kube-controller-manager"
        flags = [
            f"--kubeconfig={files.user(self.url, name, (ADMINISTRATORS,))}",
            "--secure-port=0",
            f"--root-ca-file={files.authority}",
            f"--service-account-private-key-file={files.token_key}",
            # Tests make nodes that nobody keeps alive.
            "--node-monitor-grace-period=3600s",
            *_CLIENT_FLAGS,
        ]
        return self._keep(self._run(assets.kube_controller_manager, flags), stack)

    def _start_scheduler(self, assets: Assets, stack: ExitStack) -> Component:
        kubeconfig = self._credentials.user(self.url, "system:kube-scheduler", ())
        flags = [f"--kubeconfig={kubeconfig}", "--secure-port=0", *_CLIENT_FLAGS]
        return self._keep(self._run(assets.kube_scheduler, flags), stack)

    def _answers(self, path: str) -> bool:
        try:
            status, _ = self._request("GET", path)
        except (OSError, http.client.HTTPException):  # nobody listens yet, or somebody else
            return False
        return status == http.client.OK

    def _request(self, method: str, path: str, body: Json | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, context=self._administrator, timeout=_ANSWER_SECONDS
        )
        try:
            connection.request(
                method,
                path,
                body=None if body is None else json.dumps(body),
                headers={"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
