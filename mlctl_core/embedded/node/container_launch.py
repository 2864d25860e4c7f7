"""From a container's specification to what is executed: image, environment, mounts, paths.

Pure but for making the directories that mounts need. With a mount namespace the volumes are at
their mount paths; without one, those paths are rewritten wherever the specification names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from mlctl_core.embedded.node.environment import ConfigError, container_environment
from mlctl_core.embedded.node.expansion import expand
from mlctl_core.embedded.node.process import LaunchSpec, Mount
from mlctl_core.embedded.node.rewrite import path_rewriter
from mlctl_core.embedded.node.volumes import is_read_only

if TYPE_CHECKING:
    from mlctl_core.embedded.node.environment import Facts, Sources
    from mlctl_core.embedded.node.images import Image
    from mlctl_core.embedded.node.manifest import Container, Pod, VolumeMount

__all__ = ["Places", "launch_spec"]

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Where a container finds its home inside its own root: a name that no host directory has.
HOME_TARGET = "/container-home"

HOSTS_TARGET = "/etc/hosts"


@attrs.frozen
class Places:
    """Where on the host things of one container are."""

    volumes: Mapping[str, Path]
    home: Path
    """A directory of its own: its HOME and TMPDIR, and its working directory by default."""

    termination_message: Path
    """An existing file."""

    root: Path | None
    """An empty directory for the container's root; None: no mount namespaces on this host."""

    hosts: Path | None = None
    """The pod's hosts file, where it has an address of its own."""


def launch_spec(
    pod: Pod,
    container: Container,
    image: Image,
    *,
    sources: Sources,
    facts: Facts,
    places: Places,
    runtime_env: Mapping[str, str],
) -> LaunchSpec:
    """What to execute.

    Raises:
        ConfigError: the specification refers to something that is not there.
    """
    home = HOME_TARGET if places.root is not None else str(places.home)
    path = DEFAULT_PATH if image.path is None else f"{image.path / 'bin'}:{DEFAULT_PATH}"
    base = {"PATH": path, "HOME": home, "TMPDIR": home}
    base |= {"HOSTNAME": pod.spec.hostname or pod.metadata.name}
    env = container_environment(
        pod,
        container,
        sources=sources,
        facts=facts,
        base={**base, **runtime_env, **image.env},
    )
    argv = [expand(text, env) for text in (*container.command, *container.args)]
    if not container.command:
        raise ConfigError("no command specified: this node's images have none of their own")
    mounts = [_mount(pod, mount, env, places) for mount in container.volume_mounts]
    mounts.append(Mount(places.termination_message, container.termination_message_path))
    if places.root is not None:
        mounts.append(Mount(places.home, HOME_TARGET))
        if places.hosts is not None and all(mount.target != HOSTS_TARGET for mount in mounts):
            mounts.append(Mount(places.hosts, HOSTS_TARGET, read_only=True))
        return LaunchSpec(
            argv=argv,
            env=env,
            cwd=container.working_dir or "/",
            root=places.root,
            mounts=mounts,
            hostname=base["HOSTNAME"] if facts.own_address else "",
            address=facts.own_address,
        )
    rewrite = path_rewriter({mount.target: str(mount.source) for mount in mounts})
    return LaunchSpec(
        argv=[rewrite(text) for text in argv],
        env={name: rewrite(value) for name, value in env.items()},
        cwd=rewrite(container.working_dir) if container.working_dir else str(places.home),
    )


def _mount(pod: Pod, mount: VolumeMount, env: Mapping[str, str], places: Places) -> Mount:
    volumes = {volume.name: volume for volume in pod.spec.volumes}
    volume = volumes.get(mount.name)
    if volume is None:
        raise ConfigError(f'volume "{mount.name}" not found')
    source = places.volumes[mount.name]
    sub_path = expand(mount.sub_path_expr, env) if mount.sub_path_expr else mount.sub_path
    if sub_path:
        if Path(sub_path).is_absolute() or ".." in Path(sub_path).parts:
            raise ConfigError(f"subPath {sub_path!r} leads out of volume {mount.name!r}")
        source /= sub_path
        if not source.exists():
            if is_read_only(volume):
                raise ConfigError(f'failed to prepare subPath for volumeMount "{mount.name}"')
            source.mkdir(parents=True)
    return Mount(source, mount.mount_path, mount.read_only or is_read_only(volume))
