"""The story of every kind of batch job: each sample run to its end, by the real framework.

It has come true only if each job succeeded on as many pods as it asks for, with the result that
is worked out here by other means, or with the accuracy that it has to reach. What this machine
cannot run is left out, and said.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from hack.demo import cluster
from hack.demo.installation import ROOT, SAMPLES
from hack.demo.run import ACCURACY, WANTED_ACCURACY, Run, run
from mlctl_core.objects.json import Json

if TYPE_CHECKING:
    from hack.demo.show import Story
    from mlctl_core.client.client import Client

LEAST_JAVA = 17
FRAMEWORKS = ("scikit-learn", "tensorflow-2.17", "spark", "jvm")
COMMANDS = ("mlctl get", "mlctl logs tensorflowjob/digits", "kubectl describe sparkjob words")


@attrs.frozen
class Chapter:
    """One sample, and what must come of it."""

    sample: str
    """Its file's name."""
    main: str
    """The pod that tells the result."""
    pods: int
    """How many the job has in all."""
    metric: str
    wanted: Callable[[Json], str]
    """The result that is right, from the job's own inputs; empty: `WANTED_ACCURACY` or better."""
    needs_java: bool = False
    needs_addresses: bool = False
    """Whether its pods serve each other at ports of the same number."""


def _accuracy(_: Json) -> str:
    return ""


def _words(inline: Json) -> str:
    return str(len(re.findall("[a-z]+", inline["poem.txt"].lower())))


def _tons(inline: Json) -> str:
    rows = csv.DictReader(inline["harvest.csv"].splitlines())
    return str(sum(int(row["tons"]) for row in rows))


CHAPTERS = (
    Chapter("digits.yaml", "pyjob-digits-worker-0", 1, ACCURACY, _accuracy),
    Chapter(
        "digits_on_two_workers.yaml",
        *("tfjob-digits-worker-0", 2, ACCURACY, _accuracy),
        needs_addresses=True,
    ),
    Chapter(
        "words.yaml",
        *("sparkjob-words-driver", 3, "words", _words),
        needs_java=True,
        needs_addresses=True,
    ),
    Chapter("harvest.yaml", "jvmjob-harvest-worker-0", 1, "tons", _tons, needs_java=True),
)


async def tell(client: Client, _metrics_url: str, story: Story) -> bool:
    """Run one sample of each kind, and check what is claimed."""
    java = java_version()
    has_addresses = True
    told: list[tuple[bool, str]] = []
    left_out: list[str] = []
    for chapter in CHAPTERS:
        path = SAMPLES / chapter.sample
        [job] = cluster.documents([path])
        title = f"{job['kind']} {job['metadata']['name']}"
        story.heading(title)
        if reason := _why_not(chapter, java=java, has_addresses=has_addresses):
            story.say("left out", reason)
            left_out.append(f"{title}: {reason}")
            continue
        story.command(f"kubectl apply -f {path.relative_to(ROOT)}")
        seen = await run(client, story, job, chapter.main)
        # The first job needs none, and shows whether there are any.
        has_addresses = all(_has_own_address(pod) for pod in seen.pods.values())
        told.append((_holds(chapter, job, seen), f"{title}: {_result(chapter, seen)}"))
    story.heading("What was promised")
    holds = [story.verdict(holds=holds, text=text) for holds, text in told]
    for text in left_out:
        story.say("left out", text)
    story.say("kinds", f"{sum(holds)} of {len(CHAPTERS)} ran and are right")
    return all(holds)


def java_version() -> int:
    """Return the major version of the Java on PATH; 0 without one."""
    if not (java := shutil.which("java")):
        return 0
    told = subprocess.run([java, "-version"], check=False, capture_output=True, text=True)
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found[1]) if found else 0


def _why_not(chapter: Chapter, *, java: int, has_addresses: bool) -> str:
    if chapter.needs_java and java < LEAST_JAVA:
        return f"needs Java {LEAST_JAVA} or newer on PATH, and there is {java or 'none'}"
    if chapter.needs_addresses and not has_addresses:
        return "its pods need addresses of their own, which this system does not give them"
    return ""


def _has_own_address(pod: Json) -> bool:
    status = pod["status"]
    return status.get("podIP") != status.get("hostIP")


def _holds(chapter: Chapter, job: Json, seen: Run) -> bool:
    wanted = chapter.wanted(job["spec"]["source"]["inline"])
    is_right = seen.metrics.get(chapter.metric) == wanted if wanted else seen.is_good
    return seen.phase == "Succeeded" and is_right and len(seen.pods) == chapter.pods


def _result(chapter: Chapter, seen: Run) -> str:
    result = seen.metrics.get(chapter.metric, "not reported")
    wanted = f" ≥ {WANTED_ACCURACY}" if chapter.metric == ACCURACY else " as counted here"
    pods = f"{len(seen.pods)} {'pod' if len(seen.pods) == 1 else 'pods'}"
    return f"{seen.phase} on {pods}, {chapter.metric} {result}{wanted}"
