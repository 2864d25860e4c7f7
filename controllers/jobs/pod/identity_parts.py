"""What an identity brings into a pod, and what keeps a job that names one from starting.

A ticket is got before anything else runs and kept fresh by a sidecar, both by the image's own
``kinit``. The program gets the ticket's cache and not the keytab, which only those two mount: as a
directory, so that one that is rotated is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apis.v1alpha1.identity import Identity
from controllers.jobs.job import Refusal
from controllers.jobs.pod import containers
from controllers.jobs.pod.parts import Parts
from mlctl_core.objects.conditions import find_condition

if TYPE_CHECKING:
    from apis.v1alpha1.identity import CredentialFiles, IdentitySpec, Kerberos, Krb5ConfigMap
    from controllers.jobs.job import Job
    from controllers.jobs.pod.tools import Tools
    from mlctl_core.objects.json import Json
    from mlctl_core.reconcile.view import View

KEYTAB_DIRECTORY = "/mlctl/identity/keytab"
KEYTAB = f"{KEYTAB_DIRECTORY}/keytab"
CACHE_DIRECTORY = "/mlctl/identity/cache"
CACHE = f"{CACHE_DIRECTORY}/krb5cc"
HADOOP = "/mlctl/identity/hadoop"
KRB5_CONFIG = "/etc/krb5.conf"
"""Where a JVM looks as well, which does not know the variable."""

_KEYTAB_MODE = 0o440
"""For the pod's group, which is how a user that is not root reads a volume."""
_CACHE_SIZE = "1Mi"
_RENEWAL_CPU = "10m"
"""Of the pod's size, as is its memory: for a program that sleeps and a kinit now and then."""


def find_identity(job: Job, view: View) -> Identity | Refusal | None:
    """The identity that a job names, if it is ready; None when it names none."""
    name = job.spec.identity
    if name is None:
        return None
    identity = view.get(Identity, name)
    if identity is None:
        message = (
            f"spec.identity: there is no Identity named {name} in namespace "
            f"{job.metadata.namespace}. The job starts as soon as there is."
        )
        return Refusal("IdentityNotFound", message)
    ready = find_condition(identity.status.conditions, "Ready")
    if ready is None or identity.status.observed_generation != identity.metadata.generation:
        return Refusal("IdentityNotReady", f"spec.identity: {name} is being looked at.")
    if ready.status != "True":
        message = f"spec.identity: Identity {name} is not ready: {ready.message}"
        return Refusal("IdentityNotReady", message)
    return identity


def identity_parts(identity: Identity, tools: Tools) -> Parts:
    """What the identity brings into a pod whose image has what ``tools`` need and kinit.

    Programs for the JVM mostly log in by themselves: theirs get the keytab as well.
    """
    spec = identity.spec
    parts = configuration(spec)
    if spec.kerberos:
        parts += _tickets(spec.kerberos, tools)
    return parts


def configuration(spec: IdentitySpec) -> Parts:
    """Configuration and credentials, without what Kerberos needs beyond its configuration."""
    parts = Parts()
    if spec.kerberos and spec.kerberos.krb5_config_map:
        parts += _krb5_conf(spec.kerberos.krb5_config_map)
    if spec.hadoop:
        volume = {"name": "hadoop-conf", "configMap": {"name": spec.hadoop.config_map}}
        parts += Parts(
            env=[{"name": "HADOOP_CONF_DIR", "value": HADOOP}],
            volumes=[volume],
            mounts=[{"name": "hadoop-conf", "mountPath": HADOOP, "readOnly": True}],
        )
    for number, secret in enumerate(spec.secrets):
        source = {"secret": {"secretName": secret.name, "defaultMode": _KEYTAB_MODE}}
        parts += _files(secret, f"identity-secret-{number}", source, "secretKeyRef")
    for number, config_map in enumerate(spec.config_maps):
        source = {"configMap": {"name": config_map.name}}
        parts += _files(config_map, f"identity-config-{number}", source, "configMapKeyRef")
    return parts


def keytab_parts(kerberos: Kerberos) -> Parts:
    """The keytab as a directory with the file ``keytab``."""
    secret = kerberos.keytab_secret
    items = [{"key": secret.key, "path": "keytab"}]
    source: Json = {"secretName": secret.name, "items": items, "defaultMode": _KEYTAB_MODE}
    return Parts(
        volumes=[{"name": "kerberos-keytab", "secret": source}],
        mounts=[{"name": "kerberos-keytab", "mountPath": KEYTAB_DIRECTORY, "readOnly": True}],
    )


def spark_properties(spec: IdentitySpec) -> dict[str, str]:
    """What Spark is told of the identity, beside `configuration` and `keytab_parts`.

    Its driver logs in and renews by itself, and gives its executors delegation tokens: they
    need neither keytab nor ticket.
    """
    if spec.kerberos is None:
        return {}
    return {
        "spark.kerberos.keytab": KEYTAB,
        "spark.kerberos.principal": spec.kerberos.principal,
    }


def mount_paths(spec: IdentitySpec) -> tuple[str, ...]:
    """The directories that the identity's author chose."""
    files = (*spec.secrets, *spec.config_maps)
    return tuple(each.mount_path for each in files if each.mount_path)


def _krb5_conf(config_map: Krb5ConfigMap) -> Parts:
    items = [{"key": config_map.key, "path": "krb5.conf"}]
    mount = {"name": "krb5-conf", "mountPath": KRB5_CONFIG, "subPath": "krb5.conf"}
    return Parts(
        env=[{"name": "KRB5_CONFIG", "value": KRB5_CONFIG}],
        volumes=[{"name": "krb5-conf", "configMap": {"name": config_map.name, "items": items}}],
        mounts=[{**mount, "readOnly": True}],
    )


def _tickets(kerberos: Kerberos, tools: Tools) -> Parts:
    keytab = keytab_parts(kerberos)
    cache = {"name": "kerberos-cache", "mountPath": CACHE_DIRECTORY}
    config = _krb5_conf(kerberos.krb5_config_map) if kerberos.krb5_config_map else Parts()
    mounts = [*keytab.mounts, *config.mounts, cache, *tools.mounts]
    resources = {"cpu": _RENEWAL_CPU, "memory": tools.memory}
    arguments = (KEYTAB, kerberos.principal, CACHE)
    first: Json = {
        "name": containers.KERBEROS,
        "command": tools.command("renew", "once", *arguments),
        "volumeMounts": mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    renewal: Json = {
        "name": containers.KERBEROS_RENEWAL,
        "command": tools.command("renew", "keep", *arguments),
        "resources": {"requests": resources, "limits": resources},
        "volumeMounts": mounts,
    }
    memory = {"medium": "Memory", "sizeLimit": _CACHE_SIZE}
    return Parts(
        env=[{"name": "KRB5CCNAME", "value": f"FILE:{CACHE}"}],
        volumes=[*keytab.volumes, {"name": "kerberos-cache", "emptyDir": memory}],
        mounts=[{**cache, "readOnly": True}, *(keytab.mounts if tools.are_java else ())],
        init_containers=[first],
        sidecars=[renewal],
    )


def _files(files: CredentialFiles, volume: str, source: Json, reference: str) -> Parts:
    if files.mount_path:
        mount = {"name": volume, "mountPath": files.mount_path, "readOnly": True}
        return Parts(volumes=[{"name": volume, **source}], mounts=[mount])
    return Parts(
        env=[
            {
                "name": variable.name,
                "valueFrom": {reference: {"name": files.name, "key": variable.key}},
            }
            for variable in files.env
        ]
    )
