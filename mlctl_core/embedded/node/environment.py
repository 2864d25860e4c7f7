"""The environment of a container: literal values, fields of the pod, ConfigMaps and Secrets.

Pure: the objects that are referred to have been read before and are passed in. Nothing of the
node's own environment is here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from decimal import ROUND_CEILING
from typing import TYPE_CHECKING

import attrs
import msgspec

from mlctl_core.embedded.node.expansion import expand
from mlctl_core.objects.quantities import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlctl_core.embedded.node.manifest import (
        Container,
        EnvFromSource,
        EnvVar,
        FieldRef,
        KeyRef,
        Pod,
        ResourceFieldRef,
    )

__all__ = [
    "ConfigError",
    "Facts",
    "Sources",
    "container_environment",
    "decode_config_map",
    "decode_secret",
    "field_value",
    "resource_value",
]

# What a limit that is not given stands for is the node's; of these there are no others.
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")


class ConfigError(Exception):
    """A container's configuration names something that is not there; the message says what."""


@attrs.frozen
class Facts:
    """What a pod may ask about where it runs."""

    address: str
    """Of the host, and of a pod that has none of its own."""

    allocatable: Mapping[str, str]
    """Of the node: a limit that is not set means as much as the node has."""

    own_address: str = ""
    """Of the pod; empty where pods share the host's."""

    @property
    def pod_address(self) -> str:
        """What the pod is reached at."""
        return self.own_address or self.address


@attrs.frozen
class Sources:
    """The ConfigMaps and Secrets of the pod's namespace by name; None: it does not exist."""

    config_maps: Mapping[str, Mapping[str, bytes] | None]
    secrets: Mapping[str, Mapping[str, bytes] | None]


class _Data(msgspec.Struct, rename="camel", gc=False):
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}


def decode_config_map(raw: bytes) -> dict[str, bytes]:
    """The keys of a ConfigMap, text and binary."""
    found = msgspec.json.decode(raw, type=_Data)
    text = {key: value.encode() for key, value in found.data.items()}
    return text | {key: _base64(value) for key, value in found.binary_data.items()}


def decode_secret(raw: bytes) -> dict[str, bytes]:
    """The keys of a Secret."""
    found = msgspec.json.decode(raw, type=_Data)
    return {key: _base64(value) for key, value in found.data.items()}


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error as error:
        raise ConfigError(f"not base64: {error}") from error


def container_environment(
    pod: Pod,
    container: Container,
    *,
    sources: Sources,
    facts: Facts,
    base: Mapping[str, str],
) -> dict[str, str]:
    """All variables of a container.

    Args:
        pod: whose fields may be referred to.
        container: whose variables these are.
        sources: every object that ``env`` and ``envFrom`` refer to.
        facts: about the node.
        base: variables of the image and the runtime, which the pod's own override.

    Raises:
        ConfigError: a reference that is not optional leads nowhere.
    """
    found = dict(base)
    for source in container.env_from:
        found |= _from_object(source, sources, pod.metadata.namespace)
    for variable in container.env:
        value = _value(variable, pod, container, sources=sources, facts=facts, known=found)
        if value is not None:
            found[variable.name] = value
    return found


def _from_object(source: EnvFromSource, sources: Sources, namespace: str) -> dict[str, str]:
    for reference, kind, objects in (
        (source.config_map_ref, "configmap", sources.config_maps),
        (source.secret_ref, "secret", sources.secrets),
    ):
        if reference is None:
            continue
        data = objects.get(reference.name)
        if data is None:
            if reference.optional:
                return {}
            raise ConfigError(f'{kind} "{reference.name}" not found in namespace "{namespace}"')
        return {
            source.prefix + key: value.decode(errors="surrogateescape")
            for key, value in data.items()
        }
    return {}


def _value(
    variable: EnvVar,
    pod: Pod,
    container: Container,
    *,
    sources: Sources,
    facts: Facts,
    known: Mapping[str, str],
) -> str | None:
    source = variable.value_from
    if source is None:
        return expand(variable.value, known)
    if source.field_ref is not None:
        return field_value(pod, source.field_ref, facts)
    if source.resource_field_ref is not None:
        return resource_value(pod, source.resource_field_ref, facts, container)
    if source.config_map_key_ref is not None:
        return _key(source.config_map_key_ref, "ConfigMap", sources.config_maps, pod)
    if source.secret_key_ref is not None:
        return _key(source.secret_key_ref, "Secret", sources.secrets, pod)
    return ""


def _key(
    reference: KeyRef, kind: str, objects: Mapping[str, Mapping[str, bytes] | None], pod: Pod
) -> str | None:
    data = objects.get(reference.name)
    if data is not None and reference.key in data:
        return data[reference.key].decode(errors="surrogateescape")
    if reference.optional:
        return None
    if data is None:
        raise ConfigError(f'{kind.lower()} "{reference.name}" not found')
    where = f"{pod.metadata.namespace}/{reference.name}"
    raise ConfigError(f"couldn't find key {reference.key} in {kind} {where}")


def field_value(pod: Pod, reference: FieldRef, facts: Facts) -> str:
    """The text of a field that the downward API offers.

    Raises:
        ConfigError: it offers no such field.
    """
    metadata, spec = pod.metadata, pod.spec
    path = reference.field_path
    if found := _SUBSCRIPT.fullmatch(path):
        values = metadata.labels if found[1] == "labels" else metadata.annotations
        return values.get(found[2], "")
    simple = {
        "metadata.name": metadata.name,
        "metadata.namespace": metadata.namespace,
        "metadata.uid": metadata.uid,
        "spec.nodeName": spec.node_name,
        "spec.serviceAccountName": spec.service_account_name,
        "status.hostIP": facts.address,
        "status.hostIPs": facts.address,
        "status.podIP": facts.pod_address,
        "status.podIPs": facts.pod_address,
    }
    if path in simple:
        return simple[path]
    if path in ("metadata.labels", "metadata.annotations"):
        values = metadata.labels if path == "metadata.labels" else metadata.annotations
        return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(values.items()))
    raise ConfigError(f"unsupported fieldPath: {path}")


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


def resource_value(
    pod: Pod, reference: ResourceFieldRef, facts: Facts, container: Container | None = None
) -> str:
    """A request or limit of a container, in units of the divisor, rounded up.

    Raises:
        ConfigError: no such container or resource.
    """
    if reference.container_name:
        named = [c for c in _containers(pod) if c.name == reference.container_name]
        if not named:
            raise ConfigError(f"container {reference.container_name} not found")
        container = named[0]
    if container is None:
        raise ConfigError(f"resource {reference.resource} of no container")
    section, _, name = reference.resource.partition(".")
    resources = container.resources
    if section == "limits":
        amount = resources.limits.get(name, facts.allocatable.get(name, "0"))
    elif section == "requests":
        amount = resources.requests.get(name, resources.limits.get(name, "0"))
    else:
        raise ConfigError(f"unsupported container resource: {reference.resource}")
    divisor = parse_quantity(reference.divisor) or 1
    return str(int((parse_quantity(amount) / divisor).to_integral_value(ROUND_CEILING)))


def _containers(pod: Pod) -> Iterator[Container]:
    yield from pod.spec.init_containers
    yield from pod.spec.containers
