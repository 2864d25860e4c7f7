"""Asks for the objects that an identity names, each by its name and never all of a kind.

Nothing secret leaves this module: of a Secret it tells the names of its keys, the principals of
a keytab, and when a certificate or token ends.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import msgspec

from controllers.identities import expiry, keytab
from controllers.identities.facts import Ending, Found, IdentityFacts, KeytabFound
from mlctl_core.client.errors import ClientError, NotFoundError
from mlctl_core.clock import deadline
from mlctl_core.objects.kinds import CONFIG_MAP, SECRET, SERVICE_ACCOUNT, Kind
from mlctl_core.objects.metadata import decode_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apis.v1alpha1.identity import Identity
    from controllers.identities.facts import SourceKind
    from mlctl_core.client.client import Client
    from mlctl_core.reconcile.view import View

ANSWER_SECONDS = 2.0
"""For each object; an API server that is well answers in milliseconds."""
ALLOWED_LABEL = "mlctl.dev/identity"
"""Says, with the value ``true``, that jobs may run under a ServiceAccount: who may create jobs may
not always create pods, and so must not get the rights of whatever account the namespace has."""
_AUTHORITIES = ("ca.", "ca-", "ca_", "truststore")
"""Beginnings of keys whose certificates are others': one that ended is no end of ours."""

_KINDS: Mapping[SourceKind, Kind] = {
    "Secret": SECRET,
    "ConfigMap": CONFIG_MAP,
    "ServiceAccount": SERVICE_ACCOUNT,
}


async def observe(identity: Identity, _view: View, client: Client) -> IdentityFacts:
    """What there is of all that an identity names."""
    found: list[Found] = []
    endings: list[Ending] = []
    keys_of: KeytabFound | None = None
    kerberos = identity.spec.kerberos
    for kind, name in wanted(identity):
        raw, told = await _ask(client, kind, name, identity.metadata.namespace)
        found.append(told)
        if raw is None or kind != "Secret":
            continue
        secret = msgspec.json.decode(raw, type=_Data).data
        if kerberos and kerberos.keytab_secret.name == name:
            keys_of = _keytab(secret.get(kerberos.keytab_secret.key))
        endings += _endings(name, secret)
    return IdentityFacts(tuple(found), keys_of, tuple(endings))


def wanted(identity: Identity) -> Iterator[tuple[SourceKind, str]]:
    """The objects that an identity names, each once."""
    spec = identity.spec
    named: dict[tuple[SourceKind, str], None] = {}
    if spec.kerberos:
        named["Secret", spec.kerberos.keytab_secret.name] = None
        if spec.kerberos.krb5_config_map:
            named["ConfigMap", spec.kerberos.krb5_config_map.name] = None
    if spec.hadoop:
        named["ConfigMap", spec.hadoop.config_map] = None
    named |= {("Secret", secret.name): None for secret in spec.secrets}
    named |= {("ConfigMap", config_map.name): None for config_map in spec.config_maps}
    if spec.service_account_name:
        named["ServiceAccount", spec.service_account_name] = None
    yield from named


async def _ask(
    client: Client, kind: SourceKind, name: str, namespace: str
) -> tuple[bytes | None, Found]:
    try:
        async with deadline(client.clock, ANSWER_SECONDS):
            raw = await client.get(_KINDS[kind], name, namespace)
    except NotFoundError:
        return None, Found(kind, name, exists=False)
    except ClientError as error:
        return None, Found(kind, name, problem=str(error))
    except TimeoutError:
        return None, Found(kind, name, problem=f"no answer within {ANSWER_SECONDS:.0f} s")
    if kind == "ServiceAccount":
        allowed = decode_metadata(raw).labels.get(ALLOWED_LABEL) == "true"
        return raw, Found(kind, name, allowed=allowed)
    keys = msgspec.json.decode(raw, type=_Keys)
    return raw, Found(kind, name, frozenset((*keys.data, *keys.binary_data)))


def _keytab(encoded: str | None) -> KeytabFound | None:
    if encoded is None:
        return None
    try:
        return KeytabFound(keytab.principals(_decoded(encoded)))
    except keytab.KeytabError as error:
        return KeytabFound(problem=str(error))


def _endings(name: str, secret: Mapping[str, str]) -> Iterator[Ending]:
    for key, encoded in sorted(secret.items()):
        if key.startswith(_AUTHORITIES):
            continue
        if (at := expiry.ends(_decoded(encoded))) is not None:
            yield Ending(name, key, at)


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded)
    except binascii.Error:
        return b""


class _Data(msgspec.Struct):
    """The values of a Secret, as they are sent."""

    data: dict[str, str] = {}


class _Keys(msgspec.Struct, rename="camel"):
    """The keys of a Secret or ConfigMap; the values are skipped."""

    data: dict[str, msgspec.Raw] = {}
    binary_data: dict[str, msgspec.Raw] = {}
