"""Asks for the facts that a planner wants: the one module of the batch kinds that waits.

Two questions, each asked only at the moment its answer decides something: the end of a pod's
log when the pod has ended and its result is not recorded, and the file names in a user's own
ConfigMap before the first pod. Asking for the latter instead of caching it keeps all users'
configuration out of the manager's memory, at one request per start of a job. An answer that
cannot be had is a fact too: what to do about it is for the planner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from controllers.jobs.facts import Facts, Output, SourceFiles, Wanted
from controllers.jobs.logs import MAX_BYTES
from mlctl_core.client.errors import ClientError, NotFoundError
from mlctl_core.objects.kinds import CONFIG_MAP

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from controllers.jobs.job import Job
    from mlctl_core.client.client import Client
    from mlctl_core.objects.core import Pod
    from mlctl_core.reconcile.view import View

J = TypeVar("J", bound="Job")

TAIL_LINES = (1024, 128, 16, 1)
"""Tried in turn until the answer is whole: see `_tail`."""


def observing(
    wanted: Callable[[J, View], Wanted],
) -> Callable[[J, View, Client], Awaitable[Facts]]:
    """The ``observe`` of a planner that says what it wants by ``wanted``."""

    async def observe(job: J, view: View, client: Client) -> Facts:
        questions = wanted(job, view)
        return Facts(
            output=await read_output(questions.log_of, questions.container, client)
            if questions.log_of
            else None,
            source=await read_source(questions.config_map, job.metadata.namespace, client)
            if questions.config_map
            else None,
        )

    return observe


async def read_output(pod: Pod, container: str, client: Client) -> Output:
    """The last `MAX_BYTES` at most of a container's log, or why they cannot be read."""
    uid = pod.metadata.uid
    try:
        text = await _tail(pod, container, client)
    except ClientError as error:
        return Output(uid, container, None, str(error))
    return Output(uid, container, text.decode(errors="replace"))


async def read_source(config_map: str, namespace: str, client: Client) -> SourceFiles | None:
    """The file names in a ConfigMap; None when they cannot be asked for."""
    try:
        raw = await client.get(CONFIG_MAP, config_map, namespace)
    except NotFoundError:
        return SourceFiles(config_map, None)
    except ClientError:
        return None
    found = msgspec.json.decode(raw, type=_Files)
    return SourceFiles(config_map, frozenset((*found.data, *found.binary_data)))


class _Files(msgspec.Struct, rename="camel"):
    """The keys of a ConfigMap; the values are skipped, not kept."""

    data: dict[str, msgspec.Raw] = {}
    binary_data: dict[str, msgspec.Raw] = {}


async def _tail(pod: Pod, container: str, client: Client) -> bytes:
    """The end of the log.

    A kubelet counts ``limitBytes`` from the first of the ``tailLines``, so an answer that is
    full has lost its end: ask again for fewer lines.
    """
    text = b""
    for lines in TAIL_LINES:
        text = await client.pod_log(
            pod.metadata.name,
            pod.metadata.namespace,
            container=container,
            tail_lines=lines,
            limit_bytes=MAX_BYTES,
        )
        if len(text) < MAX_BYTES:
            break
    return text
