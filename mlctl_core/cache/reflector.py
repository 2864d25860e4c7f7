"""Keeps a `Sink` in step with the server: a list, then a watch, for as long as it runs.

Promises, after client-go's reflector and the lessons in its tracker:

- The start is consistent (version ``""``, a quorum read), never ``"0"``, which may be older than
  what this process knew before (k/k #59848). It is streamed (KEP-3157) where the server can.
- A watch goes on from the last version that was seen, bookmarks included. That it ended, that
  the server is throttling, that the connection is gone: none of these is a reason to list.
- An expired version (410, as a status or in the stream) or one the server has not seen yet leads
  to a list at the last version, and only if that fails the same way to one without (k/k #91073).
- A failure is followed by a wait that grows (`Backoff`), never by a loop: see `recovery`.
- Nothing is half done: a list reaches the sink whole or not at all, a stream that broke in the
  middle of the first events is thrown away.
- An object that cannot be decoded does not stop the others.

Runs until it is cancelled.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Protocol

import structlog

from mlctl_core.cache import recovery
from mlctl_core.cache.backoff import Backoff
from mlctl_core.cache.entries import entry_of
from mlctl_core.cache.recovery import Pause
from mlctl_core.cache.versions import is_older
from mlctl_core.client import watching
from mlctl_core.client.errors import ClientError, ConnectionFailedError, MalformedResponseError
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.metadata import decode_metadata

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable
    from random import Random

    from mlctl_core.cache.store import Entry
    from mlctl_core.client.client import Client
    from mlctl_core.client.frames import WatchEvent
    from mlctl_core.clock import Clock
    from mlctl_core.objects.keys import ObjectKey
    from mlctl_core.objects.kinds import Kind
    from mlctl_core.objects.metadata import Metadata

__all__ = ["Reflector", "Sink"]

# A watch that ends sooner, without an event, is not a watch (client-go: "very short watch").
SHORT_SECONDS = 1.0

# A kind that the server does not know may become known at any time, and asking is cheap.
UNKNOWN_KIND_SECONDS = 10.0

INITIAL_EVENTS_END = "k8s.io/initial-events-end"

_log = structlog.get_logger(__name__)


class Sink(Protocol):
    """Where a reflector puts what it hears. Called from the event loop; must not wait."""

    def replaced(self, entries: Iterable[Entry], resource_version: str) -> None:
        """This is all there is, at that version."""

    def changed(self, entry: Entry) -> None:
        """This object was added or changed."""

    def deleted(self, entry: Entry) -> None:
        """This object is gone; the entry is its last state."""

    def reached(self, resource_version: str) -> None:
        """All changes up to that version have been reported."""

    def restarted(self, reason: str) -> None:
        """The watch ended and is begun again; the reason is one of `recovery`'s constants."""


class Reflector:
    """Lists and watches one kind, in one namespace or in all.

    Args:
        client: the way to the server.
        kind: what.
        sink: where to.
        namespace: where; everywhere if empty.
        label_selector: only these.
        field_selector: only these.
        clock: what waits are measured by.
        random: what spreads them.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        sink: Sink,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        clock: Clock,
        random: Random,
    ) -> None:
        self._client = client
        self._kind = kind
        self._sink = sink
        self._namespace = namespace
        self._selection = {"label_selector": label_selector, "field_selector": field_selector}
        self._clock = clock
        self._random = random
        self._backoff = Backoff(clock, random)
        self._log = _log.bind(kind=str(kind), **({"namespace": namespace} if namespace else {}))
        # Whether a watch can go on from `_version`; if not, a list comes first.
        self._listed = False
        self._version = ""
        # Whether the server is believed to stream lists; found out by trying.
        self._streams_lists = True
        # Whether the last watch had expired, and nothing has been heard since.
        self._expired = False
        # Whether the present request has brought anything.
        self._heard_something = False
        self._heard_at = clock.monotonic()
        self.last_error: ClientError | None = None
        """Why there is no list or no watch at present; None while there is."""

    @property
    def seconds_since_heard(self) -> float:
        """Since the server last sent anything, bookmarks included."""
        return self._clock.monotonic() - self._heard_at

    async def run(self) -> None:
        """List and watch until cancelled. Raises only what a sink raises."""
        while True:
            self._heard_something = False
            try:
                if not self._listed and not self._streams_lists:
                    await self._list()
                    continue
                await (self._watch() if self._listed else self._stream())
            except ClientError as error:
                await self._recover(error)
            else:
                self._sink.restarted(recovery.CLOSED)

    async def _list(self) -> None:
        page = await self._client.list_all(
            self._kind, self._namespace, **self._selection, resource_version=self._version
        )
        entries = [entry for raw in page.items if (entry := self._entry(raw)) is not None]
        self._complete(entries, page.resource_version)

    async def _stream(self) -> None:
        """List by watching from the start; go on watching by the same stream."""
        found: dict[ObjectKey, Entry] = {}
        async with aclosing(self._events(send_initial_events=True)) as events:
            async for event in events:
                if self._listed:
                    self._report(event)
                elif event.type == "BOOKMARK":
                    bookmark = _metadata(event)
                    if INITIAL_EVENTS_END in bookmark.annotations:
                        self._complete(found.values(), bookmark.resource_version)
                        # The watch goes on for minutes; what it has told is the sink's alone.
                        found.clear()
                elif (entry := self._entry(event.raw)) is None:
                    continue
                elif event.type == "DELETED":
                    found.pop(entry.key, None)
                else:
                    found[entry.key] = entry
        if not self._listed:
            raise ConnectionFailedError("the stream ended before the end of the list")

    async def _watch(self) -> None:
        started = self._clock.monotonic()
        async with aclosing(self._events(send_initial_events=False)) as events:
            async for event in events:
                self._report(event)
        if not self._heard_something and self._clock.monotonic() - started < SHORT_SECONDS:
            raise MalformedResponseError(f"the watch ended within {SHORT_SECONDS:g} s, empty")

    def _events(self, *, send_initial_events: bool) -> AsyncGenerator[WatchEvent, None]:
        return self._client.watch(
            self._kind,
            self._namespace,
            **self._selection,
            resource_version=self._version,
            send_initial_events=send_initial_events,
            # At random up to twice as long, so that the watches of a restarted server do not all
            # end together (client-go).
            timeout_seconds=round(watching.TIMEOUT_SECONDS * (1.0 + self._random.random())),
            read_deadline=watching.READ_DEADLINE_SECONDS,
        )

    def _complete(self, entries: Iterable[Entry], version: str) -> None:
        """A whole list is there."""
        self._heard()
        self._version = version
        self._listed = True
        self._sink.replaced(entries, version)

    def _report(self, event: WatchEvent) -> None:
        """Hand on one event that came after the list."""
        self._heard()
        self._expired = False
        if event.type == "BOOKMARK":
            version = _metadata(event).resource_version
            self._reach(version)
            self._sink.reached(version)
            return
        if event.type not in ("ADDED", "MODIFIED", "DELETED"):
            self._log.debug("unknown watch event", type=event.type)
            return
        entry = self._entry(event.raw)
        if entry is None:
            return
        # Before the sink: were it to raise, the event would come again for ever.
        self._reach(entry.metadata.resource_version)
        if event.type == "DELETED":
            self._sink.deleted(entry)
        else:
            self._sink.changed(entry)

    def _reach(self, version: str) -> None:
        if version and not is_older(version, self._version):
            self._version = version

    def _heard(self) -> None:
        self._heard_at = self._clock.monotonic()
        self._heard_something = True
        self.last_error = None

    def _entry(self, raw: bytes) -> Entry | None:
        """The entry of an object; None for one that does not even have a name."""
        try:
            entry = entry_of(raw)
        except DecodeError as error:
            self._log.error("object without a readable name left out", error=str(error))
            return None
        if entry.undecodable:
            self._log.error("undecodable object", key=str(entry.key), error=entry.undecodable)
        return entry

    async def _recover(self, error: ClientError) -> None:
        """Do what was decided, and wait if the next request must not come at once."""
        self.last_error = error
        listed, reason = self._listed, recovery.reason(error)
        if listed:
            self._sink.restarted(reason)
        decision = recovery.decide(
            error,
            recovery.Situation(
                watching=listed,
                heard=self._heard_something,
                at_version=bool(self._version),
                streams_lists=self._streams_lists,
                expired=self._expired,
            ),
        )
        self._expired = self._expired or (listed and reason == recovery.EXPIRED)
        self._listed = listed and not decision.relist
        self._streams_lists = self._streams_lists and not decision.stop_streaming
        if decision.forget_version:
            self._version = ""
        if decision.pause is Pause.NONE:
            self._log.debug("list or watch failed", error=str(error), next=str(decision))
            return
        wait = self._backoff.seconds(getattr(error, "retry_after", None))
        if decision.pause is Pause.UNKNOWN_KIND:
            wait = UNKNOWN_KIND_SECONDS
        self._log.warning("list or watch failed", error=str(error), retry_in=round(wait, 1))
        await self._clock.sleep(wait)


def _metadata(event: WatchEvent) -> Metadata:
    try:
        return decode_metadata(event.raw)
    except DecodeError as error:
        raise MalformedResponseError(f"bookmark: {error}") from error
