"""WATCH: a stream of changes from a revision on.

Promise: a watcher sees every change of what it selects once and in order; an object that
begins or ceases to match is ADDED or DELETED for it. An object is serialised once for all
watchers that want the same form. A watcher that falls behind the kept history is told
410 Expired and ends; nothing is buffered for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

from mlctl_core.embedded.apiserver.cluster import Cluster
from mlctl_core.embedded.apiserver.errors import (
    StatusError,
    expired,
    internal,
    too_large_resource_version,
)
from mlctl_core.embedded.apiserver.history import Event, EventType, ExpiredError
from mlctl_core.embedded.apiserver.listing import parse_revision
from mlctl_core.embedded.apiserver.negotiation import TABLE, Form
from mlctl_core.embedded.apiserver.options import ListOptions
from mlctl_core.embedded.apiserver.records import Record, encode, make_record
from mlctl_core.embedded.apiserver.rendering import object_bytes, table_of
from mlctl_core.embedded.apiserver.resources import Resource
from mlctl_core.embedded.apiserver.selection import Selection

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from mlctl_core.objects.json import Json

BOOKMARK_SECONDS = 60.0
"""How often a quiet watcher that asked for bookmarks gets one; about what upstream does."""

BOOKMARK_BEFORE_END_SECONDS = 2.0
"""The last bookmark comes this long before timeoutSeconds is over, as upstream's does."""

DEFAULT_TIMEOUT_SECONDS = 1800.0
"""How long a watch lasts without timeoutSeconds, or with 0; upstream: this to twice this."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Sink(Protocol):
    """Where frames go."""

    async def write(self, data: bytes) -> None:
        """Send bytes; returns when the peer takes them."""


@attrs.define
class Watch:
    """One watcher."""

    cluster: Cluster
    resource: Resource
    namespace: str
    selection: Selection
    options: ListOptions
    form: Form
    include: str = ""
    _position: int = 0
    _since: int = 0
    """Changes up to this revision are not sent, also when they are yet to come."""
    _initial: list[Record] | None = None
    _refused: StatusError | None = None
    """Upstream answers 200 and says in the stream that a version is too old or too new."""
    _columns_sent: bool = False

    def start(self) -> None:
        """Fix the revision from which on changes are seen.

        Raises:
            StatusError: the request makes no sense; said before the stream begins.
        """
        collection = self.cluster.collection(self.resource)
        history = collection.history
        current = self.cluster.store.revision
        version = self.options.resource_version
        try:
            asked = parse_revision(version) if version else 0
        except ValueError as error:
            raise internal(str(error)) from None
        wants_initial = self.options.send_initial_events
        if wants_initial and asked > current:
            self._refused = too_large_resource_version(asked, current)
            return
        if wants_initial or (wants_initial is None and not asked):
            records = collection.records(self.namespace)
            self._initial = [record for record in records if self.selection.matches(record)]
            self._position, self._since = history.end, current
            return
        self._since = asked or current
        try:
            self._position = history.position_after(self._since)
        except ExpiredError:
            self._refused = expired(f"too old resource version: {asked} ({current})")

    async def run(self, sink: Sink) -> None:
        """Send changes until the time is over, history is lost or the server stops."""
        if self._refused is not None:
            await sink.write(_frame("ERROR", encode(self._refused.to_json())))
            return
        await self._send_initial(sink)
        clock, history = self.cluster.clock, self.cluster.collection(self.resource).history
        end = clock.monotonic() + (self.options.timeout_seconds or DEFAULT_TIMEOUT_SECONDS)
        bookmark = self._next_bookmark(end)
        while not history.closed:
            try:
                events = history.read(self._position)
            except ExpiredError:
                gone = expired(f"too old resource version: {self._since}")
                await sink.write(_frame("ERROR", encode(gone.to_json())))
                return
            self._position += len(events)
            frames = [frame for event in events if (frame := self._frame_of(event))]
            if frames:
                await sink.write(b"".join(frames))
            now = clock.monotonic()
            if now >= end:
                return
            if now >= bookmark and self._position == history.end:
                await sink.write(self._bookmark(max(self.cluster.store.revision, self._since)))
                bookmark = self._next_bookmark(end)
            if self._position == history.end:
                await self._wait(min(end, bookmark) - now)

    async def _wait(self, seconds: float) -> None:
        """Wait for a change, but no longer than that."""
        changed = self.cluster.collection(self.resource).history.waiter()
        timer = self.cluster.clock.call_later(seconds, lambda: _set(changed))
        try:
            await changed
        finally:
            timer.cancel()
            changed.cancel()

    def _next_bookmark(self, end: float) -> float:
        if not self.options.allow_bookmarks:
            return end
        now = self.cluster.clock.monotonic()
        last = end - BOOKMARK_BEFORE_END_SECONDS
        return min(now + BOOKMARK_SECONDS, last if now < last else end)

    async def _send_initial(self, sink: Sink) -> None:
        records, self._initial = self._initial, None
        if records is None:
            return
        frames = [_frame("ADDED", self._object(record)) for record in records]
        if self.options.send_initial_events and self.options.allow_bookmarks:
            # Changes since the start are yet to come: who begins anew from here must get them.
            frames.append(self._bookmark(self._since, {INITIAL_EVENTS_END: "true"}))
        if frames:
            await sink.write(b"".join(frames))

    def _frame_of(self, event: Event) -> bytes | None:
        """Give the frame of a change, None when this watcher does not see it."""
        if self.namespace and event.record.key.namespace != self.namespace:
            return None
        if event.revision <= self._since:
            return None
        if self.selection.everything:
            return self._shared(event, event.type, event.record)
        before = event.previous is not None and self.selection.matches(event.previous)
        after = event.type != "DELETED" and self.selection.matches(event.record)
        if after:
            return self._shared(event, "MODIFIED" if before else "ADDED", event.record)
        if not before:
            return None
        if event.type == "DELETED":
            return self._shared(event, "DELETED", event.record)
        return self._left(event)

    def _left(self, event: Event) -> bytes:
        """Say that an object matches no longer: as it last matched, at the new revision."""
        assert event.previous is not None
        key = f"left {self._form_key()}"
        shown = event.forms.get(key)
        if shown is None:
            selectable = self.cluster.selectable(self.resource)
            last = make_record(event.previous.to_json(), event.revision, selectable)
            shown = self._object(last)
            if self.form.kind != TABLE:
                event.forms[key] = shown
        return _frame("DELETED", shown)

    def _shared(self, event: Event, type_: EventType, record: Record) -> bytes:
        plain = not self.form.kind and record.api_version == self.resource.api_version
        if plain or self.form.kind == TABLE:
            return _frame(type_, self._object(record))
        key = self._form_key()
        shown = event.forms.get(key)
        if shown is None:
            shown = event.forms[key] = self._object(record)
        return _frame(type_, shown)

    def _form_key(self) -> str:
        return f"{self.form.kind}/{self.form.version}/{self.resource.api_version}"

    def _object(self, record: Record) -> bytes:
        if self.form.kind != TABLE:
            return object_bytes(self.resource, record, self.form)
        table = table_of(self.cluster, self.resource, [record], self.form, self.include)
        table["metadata"] = {"resourceVersion": str(record.revision)}
        if self._columns_sent:
            table["columnDefinitions"] = None
        self._columns_sent = True
        return encode(table)

    def _bookmark(self, revision: int, annotations: Mapping[str, str] | None = None) -> bytes:
        metadata: Json = {"resourceVersion": str(revision)}
        if annotations:
            metadata["annotations"] = dict(annotations)
        kind, api_version = self.resource.kind, self.resource.api_version
        if self.form.kind:
            kind, api_version = self.form.kind, f"meta.k8s.io/{self.form.version}"
        bookmark: Json = {"kind": kind, "apiVersion": api_version, "metadata": metadata}
        if kind == TABLE and self.form.kind:
            bookmark.update(columnDefinitions=None, rows=[])
        return _frame("BOOKMARK", encode(bookmark))


def _frame(type_: str, obj: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (type_.encode(), obj)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
