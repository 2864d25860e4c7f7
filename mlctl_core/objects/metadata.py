"""The metadata every object has, decoded without the rest of the object.

A cache holds one `Metadata` per object beside the object's bytes, so it is a msgspec Struct: it is
decoded in C, and the garbage collector never walks it. managedFields are not kept: they are the
server's book-keeping, and half of an object's size.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from mlctl_core.objects.json import DecodeError, Json
from mlctl_core.objects.keys import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.objects.kinds import Kind

__all__ = ["Metadata", "OwnerReference", "decode_metadata", "owner_reference"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


class OwnerReference(msgspec.Struct, frozen=True, gc=False, rename="camel", omit_defaults=True):
    """What an object belongs to; the garbage collector deletes it with its last owner."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    """Whether this owner is the one that manages the object; at most one of an object's is."""
    block_owner_deletion: bool = False
    """Whether a foreground deletion of the owner waits for this object."""


class Metadata(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    omit_defaults=True,
    rename={
        "resource_version": "resourceVersion",
        "creation_timestamp": "creationTimestamp",
        "deletion_timestamp": "deletionTimestamp",
        "deletion_grace_period_seconds": "deletionGracePeriodSeconds",
        "label_map": "labels",
        "annotation_map": "annotations",
        "owner_references": "ownerReferences",
    },
):
    """metav1.ObjectMeta, the fields that controllers read.

    Shared between all readers of a cache, and therefore read-only; times are RFC 3339 strings as
    the server wrote them.
    """

    name: str = ""
    namespace: str = ""
    """Empty for a cluster-scoped object."""
    uid: str = ""
    resource_version: str = ""
    """Opaque, and comparable as a number between objects of one kind (KEP-5504)."""
    generation: int = 0
    """Counts changes of the spec; 0 for kinds that have none."""
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    """When a deletion was asked for plus its grace; None while nobody asked."""
    deletion_grace_period_seconds: int | None = None
    label_map: dict[str, str] | None = None
    """The labels as decoded: for construction only, read `labels`."""
    annotation_map: dict[str, str] | None = None
    """The annotations as decoded: for construction only, read `annotations`."""
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()

    @property
    def key(self) -> ObjectKey:
        """Namespace and name."""
        return ObjectKey(self.namespace, self.name)

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels, read-only."""
        return MappingProxyType(self.label_map) if self.label_map else _NOTHING

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations, read-only."""
        return MappingProxyType(self.annotation_map) if self.annotation_map else _NOTHING

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages the object, if it has one."""
        for reference in self.owner_references:
            if reference.controller:
                return reference
        return None

    @property
    def deleting(self) -> bool:
        """Whether a deletion was asked for."""
        return self.deletion_timestamp is not None


class _Envelope(msgspec.Struct, gc=False):
    metadata: Metadata


_decoder = msgspec.json.Decoder(_Envelope)


def decode_metadata(raw: bytes) -> Metadata:
    """Decode only the metadata of a whole object's bytes.

    Raises:
        DecodeError: the bytes are not JSON, are nested deeper than Python reads, or are no
            object with metadata.
    """
    try:
        return _decoder.decode(raw).metadata
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DecodeError(str(error)) from error


def owner_reference(kind: Kind, metadata: Metadata) -> Json:
    """The reference a child carries to the object that manages it.

    It blocks foreground deletion, so that ``kubectl delete --cascade=foreground`` waits for the
    children.
    """
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
