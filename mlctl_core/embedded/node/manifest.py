"""The parts of a Pod that a node reads, as typed structures decoded straight from JSON.

Promises that fields are named as in the API (in Python spelling) and that absent lists and maps
are empty. Does not promise completeness: what this node does not act on is not here, and what
the API server should have refused is not checked again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mlctl_core.objects.metadata import Metadata

__all__ = [
    "Container",
    "ContainerStatus",
    "EnvFromSource",
    "EnvVar",
    "EnvVarSource",
    "FieldRef",
    "KeyRef",
    "KeyToPath",
    "ObjectFiles",
    "Pod",
    "PodSpec",
    "PodStatus",
    "Projected",
    "ProjectedFile",
    "ProjectedFiles",
    "ProjectedSource",
    "ResourceFieldRef",
    "Resources",
    "TokenSource",
    "Volume",
    "VolumeMount",
    "decode_pod",
]

Quantity = str | int | float

# https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
DEFAULT_GRACE_SECONDS = 30
DEFAULT_FILE_MODE = 0o644
DEFAULT_TERMINATION_MESSAGE_PATH = "/dev/termination-log"
DEFAULT_TOKEN_SECONDS = 3600


class Resources(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Requests and limits by resource name."""

    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}


class KeyRef(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One key of a ConfigMap or Secret, or (key empty) all of it."""

    name: str = ""
    key: str = ""
    optional: bool = False


class FieldRef(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A field of the pod itself."""

    field_path: str


class ResourceFieldRef(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A request or limit of a container; of this one when no name is given."""

    resource: str
    container_name: str = ""
    divisor: Quantity = "1"


class EnvVarSource(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Where a variable's value comes from; one of them."""

    field_ref: FieldRef | None = None
    resource_field_ref: ResourceFieldRef | None = None
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None


class EnvVar(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One variable."""

    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class EnvFromSource(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """All keys of a ConfigMap or Secret as variables."""

    prefix: str = ""
    config_map_ref: KeyRef | None = None
    secret_ref: KeyRef | None = None


class VolumeMount(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A volume, or a path in it, at a path of the container."""

    name: str
    mount_path: str
    sub_path: str = ""
    sub_path_expr: str = ""
    read_only: bool = False


class Container(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One container, regular or init."""

    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    resources: Resources = Resources()
    volume_mounts: tuple[VolumeMount, ...] = ()
    restart_policy: str = ""
    termination_message_path: str = DEFAULT_TERMINATION_MESSAGE_PATH
    termination_message_policy: str = "File"

    @property
    def is_sidecar(self) -> bool:
        """Of an init container: whether it runs beside the regular ones (KEP-753)."""
        return self.restart_policy == "Always"


class KeyToPath(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One key as a file."""

    key: str
    path: str
    mode: int | None = None


class ObjectFiles(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The keys of a ConfigMap (``name``) or Secret (``secretName``) as files."""

    name: str = ""
    secret_name: str = ""
    items: tuple[KeyToPath, ...] = ()
    default_mode: int = DEFAULT_FILE_MODE
    optional: bool = False


class ProjectedFile(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One field of the pod as a file."""

    path: str
    field_ref: FieldRef | None = None
    resource_field_ref: ResourceFieldRef | None = None
    mode: int | None = None


class ProjectedFiles(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Fields of the pod as files (``downwardAPI``)."""

    items: tuple[ProjectedFile, ...] = ()
    default_mode: int = DEFAULT_FILE_MODE


class TokenSource(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A service account token as a file."""

    path: str
    audience: str = ""
    expiration_seconds: int = DEFAULT_TOKEN_SECONDS


class ProjectedSource(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One part of a projected volume; one of them."""

    config_map: ObjectFiles | None = None
    secret: ObjectFiles | None = None
    downward_api: ProjectedFiles | None = msgspec.field(name="downwardAPI", default=None)
    service_account_token: TokenSource | None = None


class Projected(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Several sources in one directory."""

    sources: tuple[ProjectedSource, ...] = ()
    default_mode: int = DEFAULT_FILE_MODE


class EmptyDir(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A directory that lives as long as the pod."""

    medium: str = ""


class HostPath(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A path of the host."""

    path: str
    type: str = ""


class Volume(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A volume; one source. None of these set: a source this node does not know."""

    name: str
    empty_dir: EmptyDir | None = None
    config_map: ObjectFiles | None = None
    secret: ObjectFiles | None = None
    projected: Projected | None = None
    downward_api: ProjectedFiles | None = msgspec.field(name="downwardAPI", default=None)
    host_path: HostPath | None = None


class PodSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of a pod."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    node_name: str = ""
    hostname: str = ""
    subdomain: str = ""
    host_network: bool = False
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = DEFAULT_GRACE_SECONDS
    active_deadline_seconds: int | None = None
    service_account_name: str = "default"
    overhead: dict[str, Quantity] = {}
    resources: Resources | None = None


class ContainerStatus(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What was last reported of a container; states are kept as they are in JSON."""

    name: str
    state: dict[str, Any] = {}
    last_state: dict[str, Any] = {}
    restart_count: int = 0


class PodStatus(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What was last reported of the pod."""

    phase: str = ""
    pod_ip: str = msgspec.field(name="podIP", default="")
    start_time: str | None = None
    conditions: tuple[dict[str, Any], ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A pod as a node sees it."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


_decoder = msgspec.json.Decoder(Pod)


def decode_pod(raw: bytes) -> Pod:
    """Decodes a whole Pod object.

    Raises:
        msgspec.DecodeError: not JSON, or a field has another type than the API gives it.
    """
    return _decoder.decode(raw)
