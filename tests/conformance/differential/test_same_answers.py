"""Whatever is asked, the embedded server answers as a kube-apiserver does.

Random requests, the same for every run, good and bad, go to both. Nobody else writes: there is
no controller manager, and the embedded server has its controllers off.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from chunks import run_chunk
from differences import DIFFERENCES, MOST
from excuses import EXCUSES
from raw_client import APPLY, JSON_PATCH, MERGE, STRATEGIC
from sequences import sequence

from mlctl_core.testing.control_plane import UNLIMITED, ControlPlane, ControlPlaneOptions

SEQUENCES = 2000
LEAST_REQUESTS = 20
CHUNKS = 8
PROCESSES = 2
"""A small machine's cores, of which the real server wants its share."""
CHUNK_SECONDS = 1200
"""For a machine that does much else; all together take two minutes on two cores of their own."""

SEEDS = [range(SEQUENCES)[number::CHUNKS] for number in range(CHUNKS)]


@pytest.fixture(scope="module")
def outcomes():
    """What comes of each chunk, in the future: they run in processes of their own."""
    options = ControlPlaneOptions(
        scheduler=False, controller_manager=False, api_server_flags=UNLIMITED
    )
    context = multiprocessing.get_context("spawn")
    with ControlPlane(options=options) as plane:
        pool = ProcessPoolExecutor(PROCESSES, mp_context=context)
        try:
            yield [pool.submit(run_chunk, seeds, str(plane.kubeconfig)) for seeds in SEEDS]
        finally:
            pool.shutdown(cancel_futures=True)


@pytest.mark.real
@pytest.mark.parametrize("number", range(CHUNKS))
def test_both_servers_answer_alike(outcomes, number):
    outcome = outcomes[number].result(CHUNK_SECONDS)
    assert not outcome.differing, "\n\n".join(outcome.differing.values())
    assert outcome.sequences == len(SEEDS[number])
    assert outcome.requests >= LEAST_REQUESTS * outcome.sequences


@pytest.mark.real
def test_every_excuse_is_needed(outcomes):
    used = {reason for one in outcomes for reason in one.result(CHUNK_SECONDS).excused}
    assert used == {excuse.reason for excuse in EXCUSES}


def test_excuses_and_known_differences_are_few():
    assert len(EXCUSES) + len(DIFFERENCES) <= MOST
    assert len({excuse.reason for excuse in EXCUSES}) == len(EXCUSES)


def test_the_sequences_are_long_and_ask_for_everything():
    asked = set()
    for seed in range(SEQUENCES // CHUNKS):
        _, requests = sequence(seed)
        assert len(requests) >= LEAST_REQUESTS
        asked |= {_verb(request) for request in requests}
    patches = {("PATCH", kind) for kind in (APPLY, JSON_PATCH, MERGE, STRATEGIC)}
    verbs = {"get", "list", "create", "update", "delete", "deletecollection"}
    assert patches | verbs <= asked


def test_a_sequence_is_the_same_each_time():
    assert sequence(7) == sequence(7)


def _verb(request):
    """What the API calls a request; of a patch with its kind."""
    of_one = len(request.path.split("/namespaces/")[1].split("/")) > 2
    match request.method:
        case "GET":
            return "get" if of_one else "list"
        case "DELETE":
            return "delete" if of_one else "deletecollection"
        case "PATCH":
            return "PATCH", request.kind
    return {"POST": "create", "PUT": "update"}[request.method]
