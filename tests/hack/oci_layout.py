"""Reads an OCI archive as a container engine does, and says at once what does not fit."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile

import attrs

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@attrs.frozen
class Layout:
    """An image out of an archive, each part of which is what its descriptor says."""

    files: dict[str, bytes]
    index: dict
    descriptor: dict
    manifest: dict
    config: dict
    layers: list[bytes]
    """Uncompressed, the lowest first."""

    def entries(self):
        """(entry, content or None) of all layers."""
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
                for entry in archive:
                    file = archive.extractfile(entry) if entry.isfile() else None
                    yield entry, None if file is None else file.read()

    @property
    def names(self):
        return {entry.name for entry, _ in self.entries()}


def read(path):
    """The one image of an archive."""
    with tarfile.open(path) as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads(files["index.json"])
    assert (index["schemaVersion"], index["mediaType"]) == (2, INDEX)
    [descriptor] = index["manifests"]
    manifest = json.loads(blob(files, descriptor, MANIFEST))
    assert (manifest["schemaVersion"], manifest["mediaType"]) == (2, MANIFEST)
    config = json.loads(blob(files, manifest["config"], CONFIG))
    layers = [gzip.decompress(blob(files, layer, LAYER)) for layer in manifest["layers"]]
    assert config["rootfs"]["type"] == "layers"
    assert config["rootfs"]["diff_ids"] == [digest(layer) for layer in layers]
    assert len(config["history"]) == len(layers)
    return Layout(files, index, descriptor, manifest, config, layers)


def blob(files, descriptor, media_type):
    assert descriptor["mediaType"] == media_type
    content = files[f"blobs/{descriptor['digest'].replace(':', '/')}"]
    assert digest(content) == descriptor["digest"]
    assert len(content) == descriptor["size"]
    return content


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def unpack(archive, folder):
    """The image's root file system, made by `tar` alone."""
    layout, root = folder / "layout", folder / "root"
    for made in (layout, root):
        made.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", layout], check=True)
    [described] = json.loads((layout / "manifest.json").read_text())
    for layer in described["Layers"]:
        subprocess.run(["tar", "-xzf", layout / layer, "-C", root], check=True)
    return root
