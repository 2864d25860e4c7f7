"""Volumes of a pod as directories on the node.

Promises that each volume of a known source is a directory named like it, with files and modes
as the API says, and that no file lands outside it. Does not promise that later changes of a
ConfigMap or Secret arrive in a running pod, nor a size limit of an emptyDir; an emptyDir of
medium Memory is an ordinary directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.node.environment import ConfigError, field_value, resource_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlctl_core.embedded.node.environment import Facts, Sources
    from mlctl_core.embedded.node.manifest import (
        HostPath,
        ObjectFiles,
        Pod,
        Projected,
        ProjectedFiles,
        TokenSource,
        Volume,
    )

__all__ = ["MountError", "is_read_only", "write_volumes"]

# An emptyDir is writable for whatever user the container runs as.
EMPTY_DIR_MODE = 0o777


class MountError(Exception):
    """A volume cannot be made; the message says which and why, as a kubelet does."""


@attrs.frozen
class _File:
    path: str
    content: bytes
    mode: int


def is_read_only(volume: Volume) -> bool:
    """Whether a volume of this source is read-only wherever it is mounted."""
    return volume.empty_dir is None and volume.host_path is None


def write_volumes(
    pod: Pod,
    directory: Path,
    *,
    sources: Sources,
    facts: Facts,
    tokens: Mapping[TokenSource, str],
) -> dict[str, Path]:
    """Makes every volume of the pod under ``directory``; blocks on the file system.

    Returns:
        Where each volume is, by its name.

    Raises:
        MountError: for the first one that cannot be made.
    """
    made: dict[str, Path] = {}
    for volume in pod.spec.volumes:
        try:
            files = _files(pod, volume, sources, facts, tokens)
            made[volume.name] = _write_volume(volume, directory, files)
        except (ConfigError, OSError) as error:
            text = f'MountVolume.SetUp failed for volume "{volume.name}" : {error}'
            raise MountError(text) from error
    return made


def _write_volume(volume: Volume, directory: Path, files: Iterable[_File]) -> Path:
    if volume.host_path is not None:
        return _host_path(volume.host_path)
    target = directory / volume.name
    target.mkdir(parents=True, exist_ok=True)
    if volume.empty_dir is not None:
        target.chmod(EMPTY_DIR_MODE)
        return target
    for file in files:
        _write_file(target, file)
    return target


def _host_path(wanted: HostPath) -> Path:
    path = Path(wanted.path)
    if wanted.type.endswith("OrCreate"):
        path.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        raise ConfigError(f"hostPath type check failed: {path} does not exist")
    return path


def _files(
    pod: Pod,
    volume: Volume,
    sources: Sources,
    facts: Facts,
    tokens: Mapping[TokenSource, str],
) -> Iterator[_File]:
    if volume.config_map is not None:
        yield from _keys(volume.config_map, volume.config_map.name, sources.config_maps, _MAP)
    elif volume.secret is not None:
        yield from _keys(volume.secret, volume.secret.secret_name, sources.secrets, _SECRET)
    elif volume.downward_api is not None:
        yield from _fields(pod, volume.downward_api, facts, volume.downward_api.default_mode)
    elif volume.projected is not None:
        yield from _projected(pod, volume.projected, sources, facts, tokens)
    else:
        raise ConfigError("this node does not know this kind of volume")


_MAP, _SECRET = "configmap", "secret"


def _keys(
    wanted: ObjectFiles,
    name: str,
    objects: Mapping[str, Mapping[str, bytes] | None],
    kind: str,
    default_mode: int | None = None,
) -> Iterator[_File]:
    mode = wanted.default_mode if default_mode is None else default_mode
    data = objects.get(name)
    if data is None:
        if wanted.optional:
            return
        raise ConfigError(f'{kind} "{name}" not found')
    if not wanted.items:
        for key, content in data.items():
            yield _File(key, content, mode)
        return
    for item in wanted.items:
        if item.key in data:
            yield _File(item.path, data[item.key], mode if item.mode is None else item.mode)
        elif not wanted.optional:
            what = "config" if kind == _MAP else "secret"
            raise ConfigError(f"references non-existent {what} key: {item.key}")


def _fields(pod: Pod, wanted: ProjectedFiles, facts: Facts, default_mode: int) -> Iterator[_File]:
    for item in wanted.items:
        if item.field_ref is not None:
            text = field_value(pod, item.field_ref, facts)
        elif item.resource_field_ref is not None:
            text = resource_value(pod, item.resource_field_ref, facts)
        else:
            text = ""
        mode = default_mode if item.mode is None else item.mode
        yield _File(item.path, text.encode(), mode)


def _projected(
    pod: Pod,
    wanted: Projected,
    sources: Sources,
    facts: Facts,
    tokens: Mapping[TokenSource, str],
) -> Iterator[_File]:
    mode = wanted.default_mode
    for source in wanted.sources:
        if source.config_map is not None:
            part = source.config_map
            yield from _keys(part, part.name, sources.config_maps, _MAP, mode)
        elif source.secret is not None:
            part = source.secret
            yield from _keys(part, part.name, sources.secrets, _SECRET, mode)
        elif source.downward_api is not None:
            yield from _fields(pod, source.downward_api, facts, mode)
        elif source.service_account_token is not None:
            token = source.service_account_token
            yield _File(token.path, tokens[token].encode(), mode)
        else:
            raise ConfigError("this node does not know this kind of projected source")


def _write_file(directory: Path, file: _File) -> None:
    target = directory / file.path
    if (target.is_absolute() and not target.is_relative_to(directory)) or ".." in target.parts:
        raise ConfigError(f"invalid path {file.path!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)  # a file of an earlier try may be read-only
    target.write_bytes(file.content)
    target.chmod(file.mode)
