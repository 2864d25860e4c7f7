"""The verbs of the Kubernetes API, bytes in and out.

Promises the server's answer as bytes, whole; for `Client.list_page`, `Client.list_all` and
`Client.watch` each object by itself and without managedFields. Errors are those of
`mlctl_core.client.errors`; what is retried is said in `mlctl_core.client.session`.

Does not decode objects, does not cache, and does not know which writes are wise.
"""

from __future__ import annotations

from contextlib import aclosing
from enum import Enum
from typing import TYPE_CHECKING

import attrs

from mlctl_core.client import watching
from mlctl_core.client.errors import GoneError, MalformedResponseError
from mlctl_core.client.frames import ListPage, WatchEvent, split_page
from mlctl_core.client.parameters import (
    body_path,
    log_options,
    object_path,
    selection,
    writing,
)
from mlctl_core.client.session import Session
from mlctl_core.clock import Clock, SystemClock
from mlctl_core.objects.kinds import POD

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from mlctl_core.client.config import ClusterConfig
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.telemetry.metrics import Metrics

__all__ = ["Client", "PatchType"]

# Half of the 60 s after which a kube-apiserver itself gives up on a request.
REQUEST_SECONDS = 30.0

# A page of large objects over a slow link; beyond 60 s the server has given up.
LIST_SECONDS = 60.0

# client-go's page: 4 MB of ordinary pods, split in 8 ms.
PAGE_OBJECTS = 500

_APPLY = "application/apply-patch+yaml"


class PatchType(Enum):
    """How a patch is to be understood: the content type it is sent with."""

    MERGE = "application/merge-patch+json"
    """RFC 7386: null removes, lists are replaced."""
    JSON = "application/json-patch+json"
    """RFC 6902: a list of operations."""
    STRATEGIC = "application/strategic-merge-patch+json"
    """Kubernetes' own: lists are merged by key. Built-in kinds only."""


class Client:
    """The one door to an API server. Used from one event loop.

    ``async with Client(load_config()) as client: …``, or `close` at the end.

    Args:
        config: where the server is and what requests carry.
        user_agent: what the server's logs call this program.
        clock: what time-outs, waits and read deadlines are measured by.
        metrics: where requests are counted (``rest_client_*``); nowhere by default.
        guard: called each time before a request that may change something is sent; what it
            raises ends the request, unsent. See `mlctl_core.client.errors.LeaseLostError`.
    """

    def __init__(
        self,
        config: ClusterConfig,
        *,
        user_agent: str = "mlctl",
        clock: Clock | None = None,
        metrics: Metrics | None = None,
        guard: Callable[[], None] | None = None,
    ) -> None:
        self.config = config
        self.clock: Clock = clock if clock is not None else SystemClock()
        self._session = Session(
            config, user_agent=user_agent, clock=self.clock, metrics=metrics, guard=guard
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; what is under way fails with `ConnectionFailedError`."""
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
        accept: str = "",
        timeout: float | None = REQUEST_SECONDS,  # noqa: ASYNC109 - our own clock counts
    ) -> bytes:
        """Any request: see `Session.request`. The methods below say it shorter."""
        return await self._session.request(
            method,
            path,
            params=params,
            body=body,
            content_type=content_type,
            accept=accept,
            timeout=timeout,
        )

    async def get(self, kind: Kind, name: str, namespace: str = "") -> bytes:
        """Read one object from the server (from etcd: not from a server's cache)."""
        return await self.request("GET", object_path(kind, namespace, name))

    async def list_page(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str | None = None,
    ) -> ListPage:
        """Read one page of a list.

        Args:
            kind: what to list.
            namespace: where; everywhere if empty.
            label_selector: as kubectl's ``-l``.
            field_selector: as kubectl's ``--field-selector``.
            limit: objects on the page; all of them for 0.
            continue_token: of the page before.
            resource_version: None or "" for what is there now (a quorum read), "0" for whatever
                the server has cached, else at least as new as that.

        Raises:
            GoneError: the continue token or the version is too old.
            ServerTimeoutError: the version is newer than what the server has seen.
        """
        params = selection(label_selector, field_selector)
        if limit:
            params["limit"] = str(limit)
        if continue_token:
            # The token says the version; the server refuses both.
            params["continue"] = continue_token
        elif resource_version:
            params["resourceVersion"] = resource_version
        path = kind.path(namespace)
        return split_page(await self.request("GET", path, params=params, timeout=LIST_SECONDS))

    async def list_all(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str | None = None,
    ) -> ListPage:
        """Read a whole list, in pages where pages help.

        A list at a version is not paged: it would be read from etcd rather than from the
        server's cache. When a continue token expires between two pages, the list is read again
        in one piece, as client-go's pager does.

        Raises:
            GoneError, ServerTimeoutError: as `list_page`.
        """
        limit = 0 if resource_version else PAGE_OBJECTS
        items: list[bytes] = []
        token = ""
        while True:
            try:
                page = await self.list_page(
                    kind,
                    namespace,
                    label_selector=label_selector,
                    field_selector=field_selector,
                    limit=limit,
                    continue_token=token,
                    resource_version=resource_version,
                )
            except GoneError:
                if not token:
                    raise
                items, token, limit = [], "", 0
                continue
            items += page.items
            token = page.continue_token
            if not token:
                return attrs.evolve(page, items=items)

    async def watch(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        resource_version: str = "",
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int = watching.TIMEOUT_SECONDS,
        send_initial_events: bool = False,
        read_deadline: float | None = watching.READ_DEADLINE_SECONDS,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Follow changes, bookmarks included, until the server ends the watch.

        Close the iterator (`contextlib.aclosing`) when leaving it early.

        Args:
            kind: what to watch.
            namespace: where; everywhere if empty.
            resource_version: changes after this; see `list_page`.
            label_selector: an object that stops matching is reported as DELETED.
            field_selector: the same.
            timeout_seconds: when the server is to end the watch.
            send_initial_events: report what is there as ADDED first, and its end by a BOOKMARK
                with the annotation ``k8s.io/initial-events-end`` (KEP-3157).
            read_deadline: seconds without a byte after which the connection is taken for dead.

        Raises:
            ApiError: refused, or the server reported an ERROR in the stream (410 `GoneError`).
            ConnectionFailedError: the stream broke or fell silent.
            MalformedResponseError: the stream is not one of events.
        """
        params = selection(label_selector, field_selector)
        params |= {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(timeout_seconds),
        }
        if resource_version:
            params["resourceVersion"] = resource_version
        if send_initial_events:
            params |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        path = kind.path(namespace)
        async with (
            self._session.stream(path, params, timeout=read_deadline) as content,
            aclosing(watching.events(content, self.clock, read_deadline)) as events,
        ):
            async for event in events:
                yield event

    async def create(
        self,
        kind: Kind,
        body: Json,
        namespace: str = "",
        *,
        field_manager: str = "",
        strict: bool = False,
    ) -> bytes:
        """Create an object; the namespace is its own unless given.

        Args:
            kind: of the object.
            body: the object.
            namespace: where.
            field_manager: who we are.
            strict: have fields refused that the server does not know, rather than dropped.

        Raises:
            AlreadyExistsError: the name is taken.
        """
        params = writing(field_manager)
        if strict:
            params["fieldValidation"] = "Strict"
        path = kind.path(namespace or body["metadata"].get("namespace", ""))
        return _json(await self.request("POST", path, params=params, body=body))

    async def apply(
        self,
        kind: Kind,
        body: Json,
        *,
        field_manager: str,
        force: bool = False,
        subresource: str = "",
    ) -> bytes:
        """Server-side apply: make the fields of ``body`` so, and ours. Creates what is not there.

        Args:
            kind: of the object.
            body: apiVersion, kind, name, and every field we want to own.
            field_manager: who we are; what we owned and do not send any more goes.
            force: take fields over from other managers rather than fail.
            subresource: such as ``status``.

        Raises:
            ConflictError: another manager owns a field, or ``metadata.uid`` is another object's.
        """
        params = {**writing(field_manager), "force": "true" if force else "false"}
        path = body_path(kind, body, subresource)
        return _json(
            await self.request("PATCH", path, params=params, body=body, content_type=_APPLY)
        )

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Json | Sequence[Json],
        namespace: str = "",
        *,
        patch_type: PatchType = PatchType.MERGE,
        subresource: str = "",
        field_manager: str = "",
    ) -> bytes:
        """Change part of an object.

        ``metadata.uid`` and ``metadata.resourceVersion`` in a merge patch are preconditions.

        Raises:
            ConflictError: a precondition does not hold.
        """
        return _json(
            await self.request(
                "PATCH",
                object_path(kind, namespace, name, subresource),
                params=writing(field_manager),
                body=patch,
                content_type=patch_type.value,
            )
        )

    async def replace(
        self, kind: Kind, body: Json, *, subresource: str = "", field_manager: str = ""
    ) -> bytes:
        """Put an object in the place of the one that is there.

        Raises:
            ConflictError: ``metadata.resourceVersion`` is given and not the current one.
        """
        path = body_path(kind, body, subresource)
        return _json(await self.request("PUT", path, params=writing(field_manager), body=body))

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        grace_period_seconds: int | None = None,
        propagation: str = "Background",
    ) -> bytes:
        """Ask for an object's deletion; it goes when its finalizers and grace allow.

        Args:
            kind: of the object.
            name: of the object.
            namespace: of the object.
            uid: only the object with this UID.
            resource_version: only if it has not changed since.
            grace_period_seconds: None for the object's own.
            propagation: Background, Foreground or Orphan.

        Raises:
            ConflictError: a precondition does not hold.
        """
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        options: Json = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": propagation,
            "preconditions": {k: v for k, v in preconditions.items() if v is not None},
        }
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        return await self.request("DELETE", object_path(kind, namespace, name), body=options)

    async def pod_log(
        self,
        name: str,
        namespace: str,
        *,
        container: str = "",
        tail_lines: int | None = None,
        limit_bytes: int | None = None,
    ) -> bytes:
        """What a container has written so far.

        Args:
            name: of the pod.
            namespace: of the pod.
            container: which one; needed if the pod has several.
            tail_lines: only so many lines from the end.
            limit_bytes: cut off after so many bytes (from where the tail begins).
        """
        params = log_options(container, tail_lines)
        if limit_bytes is not None:
            params["limitBytes"] = str(limit_bytes)
        return await self.request("GET", object_path(POD, namespace, name, "log"), params=params)

    async def follow_pod_log(
        self, name: str, namespace: str, *, container: str = "", tail_lines: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """What a container writes, in chunks that do not keep to lines, until it ends.

        Waits for as long as the container is silent, for its first word too: a kubelet sends
        not even the head of its answer before there is something to send.
        """
        params = {**log_options(container, tail_lines), "follow": "true"}
        path = object_path(POD, namespace, name, "log")
        async with self._session.stream(path, params, timeout=None) as content:
            async for chunk in content.iter_any():
                yield chunk


def _json(body: bytes) -> bytes:
    """The answer to a write, unless something in between said 200 to it."""
    if not body.lstrip().startswith(b"{"):
        raise MalformedResponseError("the answer to a write is not an object")
    return body
