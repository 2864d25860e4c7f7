"""What a pod names outside itself: the objects that must be read before it starts. Pure."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.node.manifest import TokenSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlctl_core.embedded.node.manifest import Container, Pod, Volume

__all__ = ["References", "references"]

CONFIG_MAP, SECRET = "ConfigMap", "Secret"


@attrs.frozen
class References:
    """Names in the pod's namespace."""

    config_maps: frozenset[str]
    secrets: frozenset[str]
    tokens: tuple[TokenSource, ...]
    """Service account tokens that projected volumes ask for."""


def references(pod: Pod) -> References:
    """Every ConfigMap and Secret that volumes and variables name, and the tokens asked for."""
    spec = pod.spec
    named = set(chain.from_iterable(map(_of_volume, spec.volumes)))
    for container in (*spec.init_containers, *spec.containers):
        named.update(_of_container(container))
    return References(
        config_maps=frozenset(name for kind, name in named if kind == CONFIG_MAP),
        secrets=frozenset(name for kind, name in named if kind == SECRET),
        tokens=tuple(
            source.service_account_token
            for volume in spec.volumes
            if volume.projected is not None
            for source in volume.projected.sources
            if source.service_account_token is not None
        ),
    )


def _of_volume(volume: Volume) -> Iterator[tuple[str, str]]:
    if volume.config_map is not None:
        yield CONFIG_MAP, volume.config_map.name
    if volume.secret is not None:
        yield SECRET, volume.secret.secret_name
    for source in volume.projected.sources if volume.projected is not None else ():
        if source.config_map is not None:
            yield CONFIG_MAP, source.config_map.name
        if source.secret is not None:
            yield SECRET, source.secret.name


def _of_container(container: Container) -> Iterator[tuple[str, str]]:
    for origin in container.env_from:
        if origin.config_map_ref is not None:
            yield CONFIG_MAP, origin.config_map_ref.name
        if origin.secret_ref is not None:
            yield SECRET, origin.secret_ref.name
    for variable in container.env:
        source = variable.value_from
        if source is not None and source.config_map_key_ref is not None:
            yield CONFIG_MAP, source.config_map_key_ref.name
        if source is not None and source.secret_key_ref is not None:
            yield SECRET, source.secret_key_ref.name
