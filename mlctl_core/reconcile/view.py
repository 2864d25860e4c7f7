"""What a planner sees: the shared caches at one instant, and the facts gathered for it.

Promises that nothing changes while a plan is made (planning does not wait, and caches
change only between waits), and that what is handed out is frozen or a private copy. Does
not promise that the caches are up to date with the server, but that they have seen what
earlier plans for the same object wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, overload

import attrs
import msgspec

from mlctl_core.cache.store import Store
from mlctl_core.objects.core import TYPED
from mlctl_core.objects.keys import ObjectKey
from mlctl_core.objects.kinds import Kind, kind_of
from mlctl_core.objects.metadata import Metadata
from mlctl_core.reconcile.decoded import Decoded
from mlctl_core.reconcile.plan import WriteFailure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlctl_core.cache.store import Entry
    from mlctl_core.objects.json import Json

T = TypeVar("T")


class UndeclaredKindError(LookupError):
    """A planner asked for a kind that it neither owns nor watches, so that none is cached."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(f"{kind} is not cached: name it in the planner's owns or watches")
        self.kind = kind


class Unstructured:
    """An object of a kind that has no class here: its metadata, and the rest as a dict."""

    __slots__ = ("_raw", "kind", "metadata")

    def __init__(self, kind: Kind, metadata: Metadata, raw: bytes) -> None:
        self.kind = kind
        self.metadata = metadata
        self._raw = raw

    def to_dict(self) -> Json:
        """The whole object as a fresh dict that is yours to change; decoded at each call."""
        value: Json = msgspec.json.decode(self._raw)
        # Items of a list come without: the list says both once.
        return {"apiVersion": self.kind.api_version, "kind": self.kind.name, **value}

    def __repr__(self) -> str:
        return f"Unstructured({self.kind} {self.metadata.key})"


@attrs.frozen(kw_only=True, eq=False)
class View:
    """The caches as they are now, seen from one object.

    A kind is named by its class (``get(Pod, ...)``), or as ``"apps/v1/Deployment"``; the
    second gives the runtime's own class of that kind where there is one, else
    `Unstructured`. Typed objects are decoded once and shared.

    Raises `UndeclaredKindError` for a kind that the planner did not declare, and the codec's
    ``DecodeError`` for an object that does not fit its class.
    """

    key: ObjectKey
    """The object that is planned for."""
    now: datetime
    """The one clock a planner has (UTC)."""
    metadata: Metadata | None = None
    """The planned object's metadata; None when it is gone."""
    facts: object | None = None
    """What the planner's ``observe`` returned; None when it has none or got no answer."""
    failures: tuple[WriteFailure, ...] = ()
    """Writes for this object that the server refused and that have not succeeded since."""
    _stores: Mapping[Kind, Store]
    _classes: Mapping[Kind, type] = attrs.field(factory=dict)
    _decoded: Decoded = attrs.field(factory=Decoded)

    @overload
    def get(self, kind: type[T], name: str, namespace: str | None = None) -> T | None: ...
    @overload
    def get(self, kind: str | Kind, name: str, namespace: str | None = None) -> Any | None: ...
    def get(self, kind: str | Kind | type, name: str, namespace: str | None = None) -> Any | None:
        """The object of that name, or None; the namespace defaults to the planned object's."""
        wanted = kind_of(kind)
        entry = self._store(wanted).get(ObjectKey(self._namespace(wanted, namespace), name))
        return None if entry is None else self._typed(wanted, kind, entry)

    @overload
    def owned(self, kind: type[T], name: str) -> T | None: ...
    @overload
    def owned(self, kind: type[T]) -> tuple[T, ...]: ...
    @overload
    def owned(self, kind: str | Kind, name: str) -> Any | None: ...
    @overload
    def owned(self, kind: str | Kind) -> tuple[Any, ...]: ...
    def owned(self, kind: str | Kind | type, name: str | None = None) -> Any:
        """What the planned object controls, by UID: all of a kind, by name, or the one named.

        Another object's child of that name is None here, like one that does not exist.
        """
        wanted = kind_of(kind)
        entries: Iterable[Entry] = (
            () if self.metadata is None else self._store(wanted).by_owner(self.metadata.uid)
        )
        if name is not None:
            found = next((e for e in entries if e.metadata.name == name), None)
            return None if found is None else self._typed(wanted, kind, found)
        return tuple(self._typed(wanted, kind, entry) for entry in sorted(entries, key=_by_key))

    @overload
    def list(
        self,
        kind: type[T],
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> tuple[T, ...]: ...
    @overload
    def list(
        self,
        kind: str | Kind,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> tuple[Any, ...]: ...
    def list(
        self,
        kind: str | Kind | type,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> tuple[Any, ...]:
        """All of a kind with these labels, by namespace and name.

        The namespace defaults to the planned object's; an object without one sees all
        namespaces, as does ``namespace=""``.
        """
        wanted = kind_of(kind)
        store = self._store(wanted)
        within = self._namespace(wanted, namespace) or None
        entries = _labelled(store, within, labels) if labels else store.list(within)
        return tuple(self._typed(wanted, kind, entry) for entry in sorted(entries, key=_by_key))

    def _store(self, kind: Kind) -> Store:
        store = self._stores.get(kind)
        if store is None:
            raise UndeclaredKindError(kind)
        return store

    def _namespace(self, kind: Kind, namespace: str | None) -> str:
        if not kind.namespaced:
            return ""
        return self.key.namespace if namespace is None else namespace

    def _typed(self, kind: Kind, asked: str | Kind | type, entry: Entry) -> Any:
        cls = asked if isinstance(asked, type) else self._classes.get(kind) or TYPED.get(kind)
        if cls is None:
            return Unstructured(kind, entry.metadata, entry.raw)
        return self._decoded.get(cls, entry)


def _by_key(entry: Entry) -> ObjectKey:
    return entry.metadata.key


def _labelled(store: Store, namespace: str | None, labels: Mapping[str, str]) -> Iterable[Entry]:
    """Entries with all of ``labels``, found through the first one."""
    name, value = next(iter(labels.items()))
    for entry in store.by_label(name, value, namespace):
        if all(entry.metadata.labels.get(n) == v for n, v in labels.items()):
            yield entry
