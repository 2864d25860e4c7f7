"""The tour of every kind: what holds, what does not, and what this machine cannot run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hack.demo import cluster, kinds
from hack.demo.installation import SAMPLES
from hack.demo.kinds import CHAPTERS
from hack.demo.run import Run

ROOT = Path(__file__).parents[2]
# A first run installs gigabytes; a later one takes a minute on two cores.
PATIENCE_SECONDS = 900
OWN, SHARED = "127.8.0.1", "127.0.0.1"
ASKED = {chapter.main: chapter.pods for chapter in CHAPTERS}
RIGHT = {
    "digits": {"accuracy": "0.95"},
    "words": {"words": "50"},
    "harvest": {"tons": "1093"},
}


class Told:
    """Takes what would be printed."""

    def __init__(self):
        self.lines = []

    def say(self, label, text):
        self.lines.append(f"{label}: {text}")

    def heading(self, text):
        pass

    command = heading

    def verdict(self, *, holds, text):
        self.say("ok" if holds else "FAILED", text)
        return holds


@pytest.fixture
def story():
    return Told()


@pytest.fixture
def world(monkeypatch):
    """Runs of the jobs as they should be, of which a test changes what it is about."""

    class World:
        java = 17
        address = OWN
        phase = "Succeeded"
        pods = ASKED
        metrics = RIGHT
        applied = ()

    world = World()

    async def run(_client, _story, job, main):
        world.applied += (job["kind"],)
        status = {"podIP": world.address, "hostIP": SHARED}
        pods = {f"pod-{index}": {"status": status} for index in range(world.pods[main])}
        return Run(phase=world.phase, metrics=world.metrics[job["metadata"]["name"]], pods=pods)

    monkeypatch.setattr(kinds, "run", run)
    monkeypatch.setattr(kinds, "java_version", lambda: world.java)
    return world


async def test_all_four_kinds_ran_and_are_right(world, story):
    assert await kinds.tell(None, "", story)
    assert world.applied == ("PythonJob", "TensorFlowJob", "SparkJob", "JVMJob")
    assert story.lines[-1] == "kinds: 4 of 4 ran and are right"


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"phase": "Failed"}, 4),
        ({"metrics": RIGHT | {"words": {"words": "51"}}}, 1),
        ({"metrics": RIGHT | {"harvest": {}}}, 1),
        ({"metrics": RIGHT | {"digits": {"accuracy": "0.5"}}}, 2),
        ({"metrics": RIGHT | {"digits": {}}}, 2),
        ({"pods": {chapter.main: 1 for chapter in CHAPTERS}}, 2),
    ],
    ids=["failed", "wrong", "unreported", "inaccurate", "no accuracy", "too few pods"],
)
async def test_what_is_wrong_is_not_good(world, story, change, failed):
    for name, value in change.items():
        setattr(world, name, value)
    assert not await kinds.tell(None, "", story)
    assert len([line for line in story.lines if line.startswith("FAILED")]) == failed
    assert story.lines[-1] == f"kinds: {4 - failed} of 4 ran and are right"


@pytest.mark.parametrize(("java", "there_is"), [(0, "none"), (11, "11")])
async def test_without_a_java_that_spark_runs_on_two_kinds_are_left_out(
    world, story, java, there_is
):
    world.java = java
    assert await kinds.tell(None, "", story)
    assert world.applied == ("PythonJob", "TensorFlowJob")
    reason = f"needs Java 17 or newer on PATH, and there is {there_is}"
    assert story.lines[-3:-1] == [
        f"left out: SparkJob words: {reason}",
        f"left out: JVMJob harvest: {reason}",
    ]
    assert story.lines[-1] == "kinds: 2 of 4 ran and are right"


async def test_where_pods_share_an_address_those_that_serve_each_other_are_left_out(world, story):
    world.address = SHARED
    assert await kinds.tell(None, "", story)
    assert world.applied == ("PythonJob", "JVMJob")
    assert story.lines[-1] == "kinds: 2 of 4 ran and are right"


def test_the_first_chapter_needs_no_address_since_it_shows_whether_there_are_any():
    assert not CHAPTERS[0].needs_addresses
    assert not CHAPTERS[0].needs_java


def test_every_framework_of_the_samples_has_its_images_mapped():
    samples = cluster.documents(SAMPLES / chapter.sample for chapter in CHAPTERS)
    assert {job["spec"]["framework"] for job in samples} == set(kinds.FRAMEWORKS)


def test_a_tour_that_does_not_exist_is_one_line_that_names_those_that_do():
    command = [sys.executable, "-m", "hack.demo", "--tour", "other"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == "TOUR=other: there is no such tour; say TOUR=size or TOUR=jobs\n"


@pytest.mark.heavy
def test_the_tour_itself_ends_well_with_the_frameworks_themselves():
    command = [sys.executable, "-m", "hack.demo", "--tour", "jobs"]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " ok             PythonJob digits: Succeeded on 1 pod" in ended.stdout
    # Each that is left out says so twice: in its place, and among what was promised.
    left_out = ended.stdout.count("  left out ") // 2
    assert f" {4 - left_out} of 4 ran and are right" in ended.stdout
    assert "nothing is left running" in ended.stdout.splitlines()[-1]
