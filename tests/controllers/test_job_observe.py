"""Asking for facts: what is requested, and what becomes of errors."""

import msgspec
import pytest

from controllers.jobs.facts import Facts, Output, SourceFiles, Wanted
from controllers.jobs.logs import MAX_BYTES
from controllers.jobs.observe import observing, read_output, read_source
from controllers.registry import PLANNERS
from mlctl_core.client.errors import ConnectionFailedError, api_error
from mlctl_core.objects.codec import convert
from mlctl_core.objects.core import Pod

POD = convert(Pod, {"metadata": {"name": "p", "namespace": "team", "uid": "u"}})


class Cluster:
    """Answers at the client's own methods; each answer is bytes or an error."""

    def __init__(self, answer=b"", log=b""):
        self.answer = answer
        self.log = log
        self.asked = []

    async def get(self, kind, name, namespace):
        self.asked.append((kind.name, namespace, name))
        return self.reply(self.answer)

    async def pod_log(self, name, namespace, *, container, tail_lines, limit_bytes):
        self.asked.append((namespace, name, container, tail_lines))
        log = self.reply(self.log)
        return b"".join(log.splitlines(keepends=True)[-tail_lines:])[:limit_bytes]

    def reply(self, answer):
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_log_is_read_once_and_bytes_that_are_no_text_are_kept_readable():
    cluster = Cluster(log=b"accuracy=0.9\n\xff\n")
    assert await read_output(POD, "main", cluster) == Output("u", "main", "accuracy=0.9\n\ufffd\n")
    assert cluster.asked == [("team", "p", "main", 1024)]


async def test_the_end_of_a_log_with_long_lines_is_read_not_its_middle():
    line = b"x" * 1000 + b"\n"
    cluster = Cluster(log=line * 3000 + b"accuracy=0.9\n")
    output = await read_output(POD, "main", cluster)
    assert output.text.endswith("accuracy=0.9\n")
    assert len(output.text) < MAX_BYTES
    assert len(cluster.asked) <= 4


@pytest.mark.parametrize("error", [ConnectionFailedError("no route"), api_error(404, b"")])
async def test_a_log_that_cannot_be_read_is_a_fact_and_no_failure(error):
    output = await read_output(POD, "main", Cluster(log=error))
    assert output.text is None
    assert output.problem == str(error)


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


async def test_a_planner_that_wants_nothing_causes_no_request():
    cluster = Cluster()
    observe = observing(lambda _job, _view: Wanted())
    assert await observe(object(), object(), cluster) == Facts()
    assert cluster.asked == []


def test_every_planner_of_the_application_can_see():
    assert all(planner.observe is not None for planner in PLANNERS)
    assert all(planner.gone is not None for planner in PLANNERS)
