"""One run of a container: from its image to its termination message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from mlctl_core.embedded.node.container_launch import Places, launch_spec
from mlctl_core.embedded.node.environment import ConfigError
from mlctl_core.embedded.node.log_reader import tail_text
from mlctl_core.embedded.node.process import LaunchFailedError, start_process
from mlctl_core.embedded.node.references import references
from mlctl_core.embedded.node.sources import fetch_sources
from mlctl_core.embedded.node.steps import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlctl_core.embedded.node.container_log import ContainerLog
    from mlctl_core.embedded.node.environment import Facts
    from mlctl_core.embedded.node.manifest import Container, Pod
    from mlctl_core.embedded.node.process import LaunchSpec, RunningProcess
    from mlctl_core.embedded.node.surroundings import Surroundings

__all__ = ["ContainerRun", "NotStartedError"]

# Limits of termination messages: pkg/kubelet/container (MaxContainerTerminationMessage…).
MESSAGE_BYTES = 4096
MESSAGE_LOG_BYTES = 2048
MESSAGE_LOG_LINES = 80

# Stages of a launch that fail because of what the container asks to execute.
PROGRAM_STAGES = ("exec", "cwd")

_log = structlog.get_logger(__name__)


class NotStartedError(Exception):
    """A container's command does not run.

    Attributes:
        refusal: why the node did not start it; None when its program could not be executed.
    """

    def __init__(self, message: str, refusal: Refusal | None = None) -> None:
        super().__init__(message)
        self.refusal = refusal


class ContainerRun:
    """Starts one container once.

    Args:
        container: which.
        surroundings: what the node offers.
        facts: about the pod's whereabouts.
        volumes: of the pod, by name.
        hosts: its hosts file, if it has one.
        directory: of this container alone, made when needed.
    """

    def __init__(
        self,
        container: Container,
        surroundings: Surroundings,
        *,
        facts: Facts,
        volumes: Mapping[str, Path],
        hosts: Path | None,
        directory: Path,
    ) -> None:
        self._container = container
        self._around = surroundings
        self._facts = facts
        self._volumes = volumes
        self._hosts = hosts
        self._home = directory / "home"
        self._message = directory / "termination-message"

    async def start(self, pod: Pod, new_log: Callable[[], ContainerLog]) -> RunningProcess:
        """Executes the command; its output goes to the log that ``new_log`` makes.

        Raises:
            NotStartedError: for whatever reason.
        """
        try:
            spec = await self._spec(pod)
        except ConfigError as error:
            refusal = Refusal("CreateContainerConfigError", str(error))
            raise NotStartedError(str(error), refusal) from error
        except OSError as error:
            raise _not_created(error) from error
        try:
            return await start_process(spec, new_log(), self._around.clock)
        except LaunchFailedError as error:
            if error.stage in PROGRAM_STAGES:
                text = f"unable to start container process: {error}"
                raise NotStartedError(text) from error
            raise _not_created(error) from error
        except OSError as error:
            raise _not_created(error) from error

    def last_words(self, process: RunningProcess, *, failed: bool) -> str:
        """What the container left as its termination message."""
        policy = self._container.termination_message_policy
        try:
            message = self._message.read_bytes()[:MESSAGE_BYTES].decode(errors="replace")
            if message or not failed or policy == "File":
                return message
            return tail_text(process.log.path, MESSAGE_LOG_BYTES, MESSAGE_LOG_LINES)
        except OSError:
            return ""

    async def _spec(self, pod: Pod) -> LaunchSpec:
        name = self._container.image
        image = self._around.images().get(name)
        if image is None:
            text = f'failed to pull image "{name}": not in the images of this node'
            raise NotStartedError(text, Refusal("ErrImagePull", text))
        wanted = references(pod)
        sources = await fetch_sources(self._around.client, pod.metadata.namespace, wanted)
        self._home.mkdir(parents=True, exist_ok=True)
        self._message.write_text("")
        return launch_spec(
            pod,
            self._container,
            image,
            sources=sources,
            facts=self._facts,
            places=Places(self._volumes, self._home, self._message, self._around.root, self._hosts),
            runtime_env=self._around.runtime_env,
        )


def _not_created(error: Exception) -> NotStartedError:
    text = f"failed to create container: {error}"
    return NotStartedError(text, Refusal("CreateContainerError", text))
