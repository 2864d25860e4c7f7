"""Any life of any kind, with its manager killed at each write in turn: the same end, nothing twice.

The kill is modelled in one process and on virtual time, see `killed_world`; others of these tests
kill real processes. The manager that comes after it works on caches that lag, differently from
write to write: pods, the jobs themselves, or everything it makes, and by more than it waits for its
own writes to show (`mlctl_core.reconcile.gate`). The lists that its caches begin with do not lag:
the informers ask for consistent ones (resourceVersion ``""``, never ``"0"``), which no API server
answers with the past.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count

import pytest
from killed_world import NAMESPACE, killed_world
from lives import LIVES, Stage

from mlctl_core.testing.proxy import Point, Strike

# Virtual seconds in which news that lag arrive, and what they lead to comes to rest.
SETTLING = 40.0
# For those in which nothing may be written any more.
REST = 60.0
QUICK = ("torchrun", "starts-anew", "grows-and-shrinks")


def lags(kind):
    """What lags after a kill, and by how many seconds; a manager waits 15 for its own writes."""
    return (
        {"pods": 4.0},
        {kind.plural: 4.0, "services": 1.0},
        {"pods": 20.0, "configmaps": 6.0, "services": 6.0, kind.plural: 1.0},
    )


@pytest.mark.heavy
@pytest.mark.parametrize("point", list(Point), ids=lambda point: point.name.lower())
@pytest.mark.parametrize("name", LIVES)
async def test_killed_at_any_write_a_life_comes_to_the_same_end(name, point):
    await walk(LIVES[name], point, count(1))


@pytest.mark.parametrize("name", QUICK)
async def test_killed_at_some_writes_a_life_comes_to_the_same_end(name):
    await walk(LIVES[name], Point.COMMITTED, count(2, 5))


async def walk(life, point, numbers):
    """Live the life undisturbed, then with a kill at each of these writes, until it has no such."""
    async with killed_world(life.kind, *life.others, objects=life.objects) as world:
        wanted, writes = await live(world, life, Stage(world, life.kind, "undisturbed"))
        assert len(writes) >= life.least, writes
        for number in numbers:
            before = len(world.proxy.writes)
            restarted = asyncio.Event()
            lag = lags(life.kind)[(number + list(Point).index(point)) % 3]

            async def restart(lag=lag, restarted=restarted):
                await world.manager.kill()
                world.proxy.lag = lag
                await world.manager.start()
                restarted.set()

            first = before + number
            world.proxy.strike = Strike(lambda w, first=first: w.number == first, point, restart)
            stage = Stage(world, life.kind, f"killed-{number}")
            try:
                ended, writes = await live(world, life, stage)
                if world.proxy.strike is not None:
                    break
                assert restarted.is_set()
                assert ended == wanted
            except (AssertionError, TimeoutError) as error:
                error.add_note(told(world, stage, before, f"write {number}, {lag}"))
                raise


async def live(world, life, stage):
    """A job's life, its deletion, and the rest after it: what it came to, and what was written."""
    at_first, before = await world.objects(life.kind), len(world.proxy.writes)
    manifest = {
        "apiVersion": life.kind.api_version,
        "kind": life.kind.name,
        "metadata": {"name": stage.name},
        "spec": life.spec,
    }
    await world.client.create(life.kind, manifest, NAMESPACE)
    await life.script(stage)
    await stage.left(*life.left)
    verdict = verdict_of(stage.job)
    assert life.status.items() <= verdict.items(), verdict
    assert (stage.job is None) == (not life.status)
    if stage.job is not None:
        await stage.delete()
        await stage.gone()
    await world.clock.sleep(SETTLING)
    assert await world.objects(life.kind) == at_first, "something is left"
    assert Counter(stage.made()) == Counter(life.made)
    assert world.witness.beside == []
    writes = world.proxy.writes[before:]
    await world.clock.sleep(REST)
    assert world.proxy.writes[before:] == writes, "it does not come to rest"
    return verdict, [f"{w.method} {w.resource}" for w in writes]


def verdict_of(job):
    """What may not depend on when the manager was killed."""
    if job is None:
        return {}
    status = job["status"]
    return {
        **{key: status.get(key) for key in ("phase", "reason", "attempt")},
        **{key: status.get(key, 0) for key in ("restarts", "infraRestarts")},
        "metrics": {name: m["value"] for name, m in status.get("metrics", {}).items()},
        "conditions": {c["type"]: c["status"] for c in status["conditions"]},
        "history": [(r["reason"], r.get("exitCode")) for r in status.get("restartHistory", ())],
    }


def told(world, stage, before, what):
    """What happened, for whoever reads of a failure."""
    writes = [
        f"{w.number - before} {w.method} {w.path.rsplit('/namespaces/', 1)[-1]} "
        f"-> {world.proxy.answers.get(w.number)}"
        for w in world.proxy.writes[before:]
    ]
    pods = {place: pod.get("status", {}).get("phase") for place, pod in stage.pods().items()}
    job = stage.job and {**stage.job["status"], "metadata": stage.job["metadata"]["name"]}
    return "\n".join((what, *writes, f"made {stage.made()}", f"pods {pods}", f"job {job}"))
