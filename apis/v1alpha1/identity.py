"""Identity: as whom a job reads and writes data."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import attrs

from apis.v1alpha1.values import ConfigKey, EnvName, Generation, MountPath, ObjectName, Time
from mlctl_core.objects.conditions import Conditions
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Column, Rule, Schema, resource, rules

__all__ = [
    "CredentialFiles",
    "CredentialVariable",
    "Hadoop",
    "Identity",
    "IdentitySpec",
    "IdentityStatus",
    "Kerberos",
    "KeytabSecret",
    "Krb5ConfigMap",
]

MAX_SOURCES = 16
"""Secrets, and as many ConfigMaps: each is asked for by itself."""

# The first character is none that a command could take for an option.
_PRINCIPAL = r"^[A-Za-z0-9_][A-Za-z0-9._$-]*(/[A-Za-z0-9._-]+)?@[A-Za-z0-9._-]+$"


@attrs.frozen(kw_only=True)
class KeytabSecret:
    """A keytab in a Secret of the namespace."""

    name: ObjectName
    """Name of the Secret."""
    key: ConfigKey = "keytab"
    """The key whose value is the keytab."""


@attrs.frozen(kw_only=True)
class Krb5ConfigMap:
    """Kerberos configuration in a ConfigMap of the namespace."""

    name: ObjectName
    """Name of the ConfigMap."""
    key: ConfigKey = "krb5.conf"
    """The key whose value is the configuration."""


@attrs.frozen(kw_only=True)
class Kerberos:
    """A Kerberos principal with the keytab that proves it."""

    principal: Annotated[str, Schema(max_length=256, pattern=_PRINCIPAL)]
    """The principal, with its realm: alice@EXAMPLE.ORG."""
    keytab_secret: KeytabSecret
    """Where the principal's keytab is. What is replaced there reaches pods that run."""
    krb5_config_map: Krb5ConfigMap | None = None
    """Where krb5.conf is; absent means that of the framework's image."""


@attrs.frozen(kw_only=True)
class Hadoop:
    """Hadoop client configuration."""

    config_map: ObjectName
    """ConfigMap in the namespace whose keys are core-site.xml, hdfs-site.xml and so on."""


@attrs.frozen(kw_only=True)
class CredentialVariable:
    """One key as an environment variable."""

    name: EnvName
    """Name of the variable. Names that begin with MLCTL_ are reserved."""
    key: ConfigKey
    """The key whose value is taken."""


@rules(
    Rule(
        "has(self.mountPath) != (has(self.env) && size(self.env) > 0)",
        "take exactly one of mountPath (every key a file) and env (some keys as variables)",
    )
)
@attrs.frozen(kw_only=True)
class CredentialFiles:
    """A Secret or ConfigMap of the namespace that jobs get as files or as variables."""

    name: ObjectName
    """Name of the Secret or ConfigMap."""
    mount_path: MountPath | None = None
    """The directory with a file for each key."""
    env: Annotated[
        tuple[CredentialVariable, ...],
        Schema(max_items=32, list_type="map", list_map_keys=("name",)),
    ] = ()
    """Variables, each with the value of a key."""


_Sources: TypeAlias = Annotated[
    tuple[CredentialFiles, ...],
    Schema(max_items=MAX_SOURCES, list_type="map", list_map_keys=("name",)),
]

_PATHS = (
    "((has(self.secrets) ? self.secrets.filter(s, has(s.mountPath)).map(s, s.mountPath) : [])"
    " + (has(self.configMaps)"
    " ? self.configMaps.filter(s, has(s.mountPath)).map(s, s.mountPath) : []))"
)


@rules(
    Rule(
        "has(self.kerberos) || has(self.hadoop) || has(self.serviceAccountName)"
        " || (has(self.secrets) && size(self.secrets) > 0)"
        " || (has(self.configMaps) && size(self.configMaps) > 0)",
        "an identity gives at least one of kerberos, hadoop, secrets, configMaps and "
        "serviceAccountName: set one",
    ),
    Rule(
        f"{_PATHS}.all(path, {_PATHS}.exists_one(other, other == path))",
        "two of secrets and configMaps have one mountPath: give each a directory of its own",
    ),
)
@attrs.frozen(kw_only=True)
class IdentitySpec:
    """What proves who a job is. Everything named is in the identity's own namespace."""

    kerberos: Kerberos | None = None
    """A Kerberos principal."""
    hadoop: Hadoop | None = None
    """Hadoop client configuration, found by HADOOP_CONF_DIR."""
    secrets: _Sources = ()
    """Secrets that jobs get."""
    config_maps: _Sources = ()
    """ConfigMaps that jobs get."""
    service_account_name: ObjectName | None = None
    """ServiceAccount of the pods; it must be labelled mlctl.dev/identity=true. Its token is mounted
    in Spark drivers only."""


@attrs.frozen(kw_only=True)
class IdentityStatus:
    """Whether jobs can use the identity."""

    observed_generation: Generation | None = None
    """The metadata.generation that the status was computed from."""
    conditions: Conditions = ()
    """Ready: everything named is there. Expiring: something of it ends soon."""
    expires_at: Time | None = None
    """When the first of its credentials ends, as far as they tell."""


def _status(kind: Literal["Ready", "Expiring"]) -> str:
    return f".status.conditions[?(@.type=='{kind}')].status"


@resource(
    group="mlctl.dev",
    version="v1alpha1",
    plural="identities",
    short_names=("idn",),
    columns=(
        Column("Ready", "string", _status("Ready"), "Whether jobs can use it"),
        Column("Reason", "string", ".status.conditions[?(@.type=='Ready')].reason", "Why it is so"),
        Column("Principal", "string", ".spec.kerberos.principal", "Kerberos principal"),
        Column("Expiring", "string", _status("Expiring"), "Whether it ends soon", 1),
        Column("Expires", "string", ".status.expiresAt", "When it ends", 1),
        Column("Age", "date", ".metadata.creationTimestamp", "Time since it was created"),
    ),
)
@attrs.frozen(kw_only=True)
class Identity:
    """As whom jobs of the namespace read and write data.

    A job names it; what proves the identity stays in Secrets, which the job gets and its author
    need not be able to read.
    """

    metadata: Metadata
    spec: IdentitySpec
    """What proves who a job is."""
    status: IdentityStatus = IdentityStatus()
    """Whether jobs can use it."""

    @property
    def name(self) -> str:
        """What jobs write after ``identity:``."""
        return self.metadata.name
