"""Images of a node that pulls nothing: names mapped to local environments by a YAML file.

::

    registry.example/python:3.11:
      path: /home/me/venv        # its bin comes first in PATH; relative to the file
      env: {PYTHONUNBUFFERED: "1"}

A name that is not in the file is an image that cannot be pulled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import yaml

__all__ = ["Image", "ImagesError", "load_images"]


class ImagesError(Exception):
    """The file does not say what an images file says."""


@attrs.frozen
class Image:
    """What stands in for a container image."""

    path: Path | None = None
    """A virtual environment, or any directory with a ``bin``; None: the host's programs."""

    env: Mapping[str, str] = attrs.Factory(dict)
    """What the image's ENV lines would set."""


def load_images(file: Path) -> dict[str, Image]:
    """Reads an images file.

    Raises:
        OSError: it cannot be read.
        ImagesError: its contents are something else; the message names the entry.
    """
    try:
        found = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise ImagesError(f"{file}: {error}") from error
    if not isinstance(found, dict):
        raise ImagesError(f"{file}: expected a mapping of image names")
    return {str(name): _image(file, str(name), entry) for name, entry in found.items()}


def _image(file: Path, name: str, entry: object) -> Image:
    if entry is None:
        return Image()
    if not isinstance(entry, dict) or not set(entry) <= {"path", "env"}:
        raise ImagesError(f"{file}: {name}: expected path and env")
    env = entry.get("env") or {}
    if not isinstance(env, dict):
        raise ImagesError(f"{file}: {name}: env is not a mapping")
    path = entry.get("path")
    return Image(
        path=(file.parent / path).absolute() if path else None,
        env={str(key): str(value) for key, value in env.items()},
    )
