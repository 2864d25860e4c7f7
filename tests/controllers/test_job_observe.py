"""Asking for facts: what is requested, and what becomes of errors."""

import asyncio

import msgspec
import pytest

from controllers.jobs.facts import Facts, LivePod, Output, SourceFiles, Wanted
from controllers.jobs.logs import MAX_BYTES
from controllers.jobs.observe import ANSWER_SECONDS, observing, read_output, read_pod, read_source
from controllers.registry import JOBS, PLANNERS
from mlctl_core.client.errors import ConnectionFailedError, api_error
from mlctl_core.objects.codec import convert
from mlctl_core.objects.core import Pod
from mlctl_core.testing.clock import VirtualClock

POD = convert(Pod, {"metadata": {"name": "p", "namespace": "team", "uid": "u"}})


HANGS = object()


class Cluster:
    """Answers at the client's own methods; each answer is bytes or an error."""

    def __init__(self, answer=b"", log=b"", clock=None):
        self.clock = clock or VirtualClock()
        self.answer = answer
        self.log = log
        self.asked = []

    async def get(self, kind, name, namespace):
        self.asked.append((kind.name, namespace, name))
        return await self.reply(self.answer)

    async def pod_log(self, name, namespace, *, container, tail_lines, limit_bytes):
        self.asked.append((namespace, name, container, tail_lines))
        log = await self.reply(self.log)
        return b"".join(log.splitlines(keepends=True)[-tail_lines:])[:limit_bytes]

    async def reply(self, answer):
        if answer is HANGS:
            await asyncio.get_running_loop().create_future()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_log_is_read_once_and_bytes_that_are_no_text_are_kept_readable():
    cluster = Cluster(log=b"accuracy=0.9\n\xff\n")
    assert await read_output(POD, "main", cluster) == Output("u", "main", "accuracy=0.9\n\ufffd\n")
    assert cluster.asked == [("team", "p", "main", 65536)]


async def test_all_of_a_log_with_many_short_lines_is_read():
    cluster = Cluster(log=b"accuracy=0.97\n" + b".\n" * 30_000)
    output = await read_output(POD, "main", cluster)
    assert output.text.startswith("accuracy=0.97\n")
    assert len(cluster.asked) == 1


@pytest.mark.parametrize(
    ("log", "kept"),
    [
        ((b"x" * 80 + b"\n") * 3000, MAX_BYTES - 2 * 81),
        ((b"x" * 1000 + b"\n") * 3000, MAX_BYTES - 2 * 1001),
        (b"\n" * 70_000 + (b"x" * 20_000 + b"\n") * 20, 2 * 20_000),
    ],
    ids=["lines", "long lines", "lines that grow"],
)
async def test_of_a_longer_log_the_end_is_read_and_nearly_all_of_its_last_64_kib(log, kept):
    cluster = Cluster(log=log + b"accuracy=0.9\n")
    output = await read_output(POD, "main", cluster)
    assert output.text.endswith("accuracy=0.9\n")
    assert kept <= len(output.text) < MAX_BYTES
    assert len(cluster.asked) <= 8


async def test_of_a_line_that_is_longer_than_all_that_is_read_its_beginning_is_kept():
    cluster = Cluster(log=b"a\n" * 70_000 + b"x" * 100_000)
    output = await read_output(POD, "main", cluster)
    assert output.text == "x" * MAX_BYTES
    assert len(cluster.asked) <= 9


async def test_a_kubelet_that_hangs_is_given_up_and_that_is_a_fact():
    cluster = Cluster(answer=HANGS, log=HANGS)
    log = asyncio.create_task(read_output(POD, "main", cluster))
    source = asyncio.create_task(read_source("code", "team", cluster))
    await asyncio.sleep(0)
    await cluster.clock.advance(ANSWER_SECONDS)
    assert await log == Output("u", "main", None, "no answer within 5 s")
    assert await source is None


@pytest.mark.parametrize("error", [ConnectionFailedError("no route"), api_error(404, b"")])
async def test_a_log_that_cannot_be_read_is_a_fact_and_no_failure(error):
    output = await read_output(POD, "main", Cluster(log=error))
    assert output.text is None
    assert output.problem == str(error)


async def test_how_long_a_log_is_unreadable_is_counted_from_the_first_try_and_then_forgotten():
    cluster = Cluster(log=ConnectionFailedError("no route"))
    observe = observing(lambda _job, _view: Wanted(log_of=POD, container="main"))

    async def failing():
        return (await observe(object(), object(), cluster)).output.failing_seconds

    assert await failing() == 0
    await cluster.clock.advance(7)
    assert await failing() == 7
    cluster.log = b""
    await observe(object(), object(), cluster)
    cluster.log = ConnectionFailedError("no route")
    assert await failing() == 0
    await cluster.clock.advance(600)
    assert await failing() == 0


async def test_of_a_config_map_only_the_names_of_the_files_are_kept():
    raw = msgspec.json.encode({"data": {"train.py": "secret"}, "binaryData": {"x.bin": "AA=="}})
    found = await read_source("code", "team", Cluster(answer=raw))
    assert found == SourceFiles("code", frozenset(("train.py", "x.bin")))


async def test_a_config_map_without_data_has_no_files():
    assert await read_source("code", "team", Cluster(answer=b"{}")) == SourceFiles(
        "code", frozenset()
    )


async def test_a_config_map_that_is_not_there_differs_from_one_that_cannot_be_asked_for():
    missing = api_error(404, b"")
    assert await read_source("code", "team", Cluster(answer=missing)) == SourceFiles("code", None)
    down = ConnectionFailedError("no route")
    assert await read_source("code", "team", Cluster(answer=down)) is None


async def test_a_pod_that_is_not_there_differs_from_one_that_cannot_be_asked_for():
    assert await read_pod("p", "team", Cluster(answer=api_error(404, b""))) == LivePod("p", None)
    down = ConnectionFailedError("no route")
    assert await read_pod("p", "team", Cluster(answer=down)) is None


async def test_of_a_pod_that_is_there_its_metadata_is_told():
    cluster = Cluster(answer=b'{"metadata":{"name":"p","uid":"u"},"spec":{"x":1}}')
    found = await read_pod("p", "team", cluster)
    assert (found.name, found.metadata.uid) == ("p", "u")
    assert cluster.asked == [("Pod", "team", "p")]


async def test_a_planner_that_wants_nothing_causes_no_request():
    cluster = Cluster()
    observe = observing(lambda _job, _view: Wanted())
    assert await observe(object(), object(), cluster) == Facts()
    assert cluster.asked == []


def test_every_planner_of_the_application_can_see():
    assert all(planner.observe is not None for planner in PLANNERS)
    assert all(planner.gone is not None for planner in JOBS)
