"""Asks for the facts that a planner wants: the one module of the batch kinds that waits.

Three questions, each asked only at the moment its answer decides something: the end of a pod's
log when the pod has ended and its result is not recorded, and of the one beside it that tells the
metrics; whether a pod that ran is gone indeed
when the cache does not show it; and the file names in a user's own ConfigMap before the first
pod. Asking for the last instead of caching it keeps all users' configuration out of the
manager's memory, at one request per start of a job. An answer that cannot be had, or not within
`ANSWER_SECONDS`, is a fact too: what to do about it is for the planner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs
import msgspec

from controllers.jobs.facts import Facts, LivePod, Output, SourceFiles, Wanted
from controllers.jobs.logs import MAX_BYTES
from controllers.jobs.pod.containers import MAIN
from mlctl_core.client.errors import ClientError, NotFoundError
from mlctl_core.clock import deadline
from mlctl_core.objects.kinds import CONFIG_MAP, POD
from mlctl_core.objects.metadata import decode_metadata

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from controllers.jobs.job import Job
    from mlctl_core.client.client import Client
    from mlctl_core.objects.core import Pod
    from mlctl_core.reconcile.view import View

J = TypeVar("J", bound="Job")

ANSWER_SECONDS = 5.0
"""For each question. A kubelet answers in well under one; a worker that waits for one that hangs
does nothing else meanwhile."""
_FEWER = 4
"""Lines are at least so many times fewer at each try: nine tries reach one line."""
_FORGET_SECONDS = 600.0
"""Far beyond the planner's patience: a failure before that was another story."""
_NO_ANSWER = f"no answer within {ANSWER_SECONDS:.0f} s"


def observing(
    wanted: Callable[[J, View], Wanted],
) -> Callable[[J, View, Client], Awaitable[Facts]]:
    """The ``observe`` of a planner that says what it wants by ``wanted``.

    It remembers for how long each log has been unreadable, and nothing else.
    """
    failing = FailingReads()

    async def observe(job: J, view: View, client: Client) -> Facts:
        questions = wanted(job, view)

        async def log(pod: Pod, container: str) -> Output:
            read = await read_output(pod, container, client)
            return failing.timed(read, client.clock.monotonic())

        return Facts(
            output=await log(questions.log_of, questions.container) if questions.log_of else None,
            metrics=await log(questions.metrics_of, MAIN) if questions.metrics_of else None,
            source=await read_source(questions.config_map, job.metadata.namespace, client)
            if questions.config_map
            else None,
            pod=await read_pod(questions.pod, job.metadata.namespace, client)
            if questions.pod
            else None,
        )

    return observe


async def read_output(pod: Pod, container: str, client: Client) -> Output:
    """The last `MAX_BYTES` at most of a container's log, or why they cannot be read."""
    uid = pod.metadata.uid
    try:
        async with deadline(client.clock, ANSWER_SECONDS):
            text = await _tail(pod, container, client)
    except ClientError as error:
        return Output(uid, container, None, str(error))
    except TimeoutError:
        return Output(uid, container, None, _NO_ANSWER)
    return Output(uid, container, text.decode(errors="replace"))


async def read_source(config_map: str, namespace: str, client: Client) -> SourceFiles | None:
    """The file names in a ConfigMap; None when they cannot be asked for."""
    try:
        async with deadline(client.clock, ANSWER_SECONDS):
            raw = await client.get(CONFIG_MAP, config_map, namespace)
    except NotFoundError:
        return SourceFiles(config_map, None)
    except (ClientError, TimeoutError):
        return None
    found = msgspec.json.decode(raw, type=_Files)
    return SourceFiles(config_map, frozenset((*found.data, *found.binary_data)))


async def read_pod(name: str, namespace: str, client: Client) -> LivePod | None:
    """What the server has under a pod's name; None when it cannot be asked."""
    try:
        async with deadline(client.clock, ANSWER_SECONDS):
            raw = await client.get(POD, name, namespace)
    except NotFoundError:
        return LivePod(name, None)
    except (ClientError, TimeoutError):
        return None
    return LivePod(name, decode_metadata(raw))


class FailingReads:
    """Since when each pod's log could not be read."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def timed(self, output: Output, now: float) -> Output:
        """``output`` with how long it has been failing, at ``now`` on the monotonic clock."""
        if output.text is not None:
            self._since.pop(output.pod_uid, None)
            return output
        # Nobody says when a job has gone on without its log, or is gone.
        self._since = {uid: at for uid, at in self._since.items() if now - at < _FORGET_SECONDS}
        since = self._since.setdefault(output.pod_uid, now)
        return attrs.evolve(output, failing_seconds=now - since)


class _Files(msgspec.Struct, rename="camel"):
    """The keys of a ConfigMap; the values are skipped, not kept."""

    data: dict[str, msgspec.Raw] = {}
    binary_data: dict[str, msgspec.Raw] = {}


async def _tail(pod: Pod, container: str, client: Client) -> bytes:
    """The last `MAX_BYTES` of the log at most, from the beginning of a line.

    A kubelet counts ``limitBytes`` from the first of the ``tailLines``, so an answer that is
    full has lost its end: ask again for as many lines as went in, or for far fewer when the
    last lines are longer than those.
    """
    lines = MAX_BYTES  # a byte each, at least
    while True:
        text = await client.pod_log(
            pod.metadata.name,
            pod.metadata.namespace,
            container=container,
            tail_lines=lines,
            limit_bytes=MAX_BYTES,
        )
        if len(text) < MAX_BYTES or lines == 1:
            return text
        lines = max(1, min(text.count(b"\n"), lines // _FEWER))
