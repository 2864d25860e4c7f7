"""What every request handler and every controller of the server works on.

One object instead of module state, so that many servers run in one process.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import attrs

from mlctl_core.clock import Clock, SystemClock
from mlctl_core.embedded.apiserver.conversion import stored_path
from mlctl_core.embedded.apiserver.definition_rules import DefinitionStrategy
from mlctl_core.embedded.apiserver.definitions import DEFINITIONS
from mlctl_core.embedded.apiserver.errors import not_found
from mlctl_core.embedded.apiserver.resources import Registry, Resource
from mlctl_core.embedded.apiserver.store import Store
from mlctl_core.embedded.apiserver.strategy import Strategy, strategy_for
from mlctl_core.objects.times import format_time

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.store import Collection

_UUID_BITS = 128
_VERSION_4 = 0x4 << 76
_VARIANT_1 = 0x8 << 60
_UUID_MASK = ~((0xF << 76) | (0xC << 60))


@attrs.define
class Cluster:
    """The objects, what is served of them, and where time and chance come from."""

    registry: Registry = attrs.field(factory=Registry)
    store: Store = attrs.field(factory=Store)
    clock: Clock = attrs.field(factory=SystemClock)
    random: random.Random = attrs.field(factory=random.SystemRandom)
    """For UIDs and generated names; the tokens and keys of the server do not come from here."""

    _selectable: tuple[int, dict[str, Mapping[str, tuple[str, ...]]]] = (-1, {})
    _strategies: WeakKeyDictionary[Resource, Strategy] = attrs.field(factory=WeakKeyDictionary)

    def strategy(self, resource: Resource) -> Strategy:
        """Give the rules of a resource; compiled once, they go when the resource does."""
        strategy = self._strategies.get(resource)
        if strategy is None:
            strategy = (
                DefinitionStrategy(resource)
                if resource.collection == DEFINITIONS
                else strategy_for(resource)
            )
            self._strategies[resource] = strategy
        return strategy

    def selectable(self, resource: Resource) -> Mapping[str, tuple[str, ...]]:
        """Give the field selectors of a collection: of all resources that show its objects."""
        generation, kept = self._selectable
        if generation != self.registry.generation:
            kept = {}
            self._selectable = (self.registry.generation, kept)
        name = resource.collection
        if name not in kept:
            kept[name] = {
                label: stored_path(path, one)
                for one in self.registry.all()
                if one.collection == name
                for label, path in one.selectable.items()
            }
        return kept[name]

    def collection(self, resource: Resource) -> Collection:
        """Give the collection that holds a resource's objects."""
        return self.store.collection(resource.collection)

    def get(self, resource: Resource, namespace: str, name: str) -> Record:
        """Look one object up.

        Raises:
            StatusError: 404, there is none.
        """
        record = self.collection(resource).get(namespace, name)
        if record is None:
            raise not_found(resource.group, resource.plural, name)
        return record

    def now(self) -> str:
        """The time as objects carry it, in whole seconds."""
        return format_time(self.clock.now())

    def new_uid(self) -> str:
        """Make a UID: a version 4 UUID."""
        bits = self.random.getrandbits(_UUID_BITS) & _UUID_MASK | _VERSION_4 | _VARIANT_1
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
