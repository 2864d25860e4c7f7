"""Identities, datasets and secrets as tests of whole jobs make them."""

from __future__ import annotations

import base64

from mlctl_core.objects.kinds import Kind

IDENTITY = Kind("mlctl.dev", "v1alpha1", "Identity", "identities")
DATASET = Kind("mlctl.dev", "v1alpha1", "Dataset", "datasets")
JVM_JOB = Kind("mlctl.dev", "v1alpha1", "JVMJob", "jvmjobs")


def of(kind, name, spec):
    """An object of ours."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": name},
        "spec": spec,
    }


def secret(name, **data):
    """A Secret with these keys; ``_`` in a key's name is a dot."""
    encoded = {
        key.replace("_", "."): base64.b64encode(
            value if isinstance(value, bytes) else value.encode()
        ).decode()
        for key, value in data.items()
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


def config_map(name, **data):
    """A ConfigMap with these keys; ``_`` in a key's name is a dot."""
    texts = {key.replace("_", "."): value for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": texts}
