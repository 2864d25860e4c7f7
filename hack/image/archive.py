"""An image in one tar file: an OCI layout with, for docker, the manifest of `docker save`.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md; both descriptions name
the same blobs.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hack.image.contents import APPLICATION, PACKAGES, USER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hack.image.layers import Layer

ENTRYPOINT = ["/usr/local/bin/python", "-m", "controllers"]
ENVIRONMENT = {
    "PATH": "/usr/local/bin",
    "PYTHONPATH": f"/{APPLICATION}:/{PACKAGES}",
    # What lies in the working directory is never imported.
    "PYTHONSAFEPATH": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
# Go's names, which images use, by those of uname.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "ppc64le", "s390x": "s390x"}

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


def write(path: Path, name: str, layers: Sequence[Layer], epoch: int) -> str:
    """Write the image; returns the digest of its manifest, by which it may be pulled.

    Args:
        path: of the tar file.
        name: with the tag, ``mlctl.local/manager:0.1.0``.
        layers: the lowest first.
        epoch: when it was made, in seconds since 1970.
    """
    blobs: dict[str, bytes] = {}

    def blob(media_type: str, content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    config = blob(_CONFIG, _json(configuration(layers, epoch)))
    layer_blobs = [blob(_LAYER, layer.compressed) for layer in layers]
    manifest = blob(
        _MANIFEST,
        _json(
            {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layer_blobs}
        ),
    )
    named = {
        # podman and skopeo read the one, containerd the other.
        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        "io.containerd.image.name": name,
    }
    index = {
        "schemaVersion": 2,
        "mediaType": _INDEX,
        "manifests": [{**manifest, "annotations": named}],
    }
    docker = {
        "Config": _path(config),
        "RepoTags": [name],
        "Layers": [_path(layer) for layer in layer_blobs],
    }
    files = {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json(index),
        "manifest.json": _json([docker]),
        **dict(sorted(blobs.items())),
    }
    with tarfile.open(path, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for file, content in files.items():
            entry = tarfile.TarInfo(file)
            entry.size, entry.mtime, entry.mode = len(content), epoch, 0o644
            archive.addfile(entry, io.BytesIO(content))
    return str(manifest["digest"])


def configuration(layers: Sequence[Layer], epoch: int) -> dict[str, object]:
    """How a container of the image is started, and what it is made of."""
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "architecture": _ARCHITECTURES[platform.machine()],
        "os": "linux",
        "created": created,
        "config": {
            "User": f"{USER}:{USER}",
            "Env": [f"{name}={value}" for name, value in ENVIRONMENT.items()],
            "Entrypoint": ENTRYPOINT,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": created, "comment": layer.comment} for layer in layers],
    }


def _path(descriptor: dict[str, object]) -> str:
    return f"blobs/{str(descriptor['digest']).replace(':', '/')}"


def _json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
