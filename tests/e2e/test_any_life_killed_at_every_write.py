"""Any life of any kind, with its manager killed at each write in turn: the same end, nothing twice.

The kill is modelled in one process and on virtual time, see `killed_world`; others of these tests
kill real processes. The manager that comes after it works on caches that lag: pods, the jobs
themselves, or everything it makes, and that by more than it waits for its own writes to show
(`mlctl_core.reconcile.gate`). All of these are tried at each write, and a second kill soon after
the first. The lists that its caches begin with do not lag: the informers ask for consistent ones
(resourceVersion ``""``, never ``"0"``), which no API server answers with the past. A standby, whose
caches were filled long before, is not among these managers.
"""

from __future__ import annotations

from collections import Counter
from itertools import count

import attrs
import pytest
from killed_world import NAMESPACE, killed_world
from lives import LIVES, Stage

from mlctl_core.testing.proxy import Point, Strike

# Virtual seconds in which news that lag arrive, and what they lead to comes to rest.
SETTLING = 40.0
# For those in which nothing may be written any more.
REST = 60.0
# Writes that a life may take beyond those of the undisturbed one. Most take fewer, as news come
# together; who plans again before the caches show the plan before, as a manager does at last when
# they lag for longer than it waits, sends each pod once more. One that never waited took 25 to 70.
MOST_MORE = 16
# A second kill comes within so many writes of the first.
AGAIN = 3
QUICK = ("torchrun", "starts-anew", "grows-and-shrinks")


def lags(kind):
    """What lags after a kill, and by how many seconds; a manager waits 15 for its own writes."""
    return (
        {"pods": 4.0},
        {kind.plural: 4.0, "services": 1.0},
        {"pods": 20.0, "configmaps": 6.0, "services": 6.0, kind.plural: 1.0},
    )


@attrs.frozen
class Kill:
    """When the manager is killed, and what the next one sees late."""

    number: int
    """The write of the life at which it is killed, from 1."""
    point: Point
    lag: dict[str, float]
    again: int = 0
    """The write of its successor at which that is killed too; 0 spares it."""


def kills(kind, number, point):
    """All that are tried at a write: each lag, and one of them with another kill soon after."""
    found = [Kill(number, point, lag) for lag in lags(kind)]
    return [*found, attrs.evolve(found[number % len(found)], again=1 + number % AGAIN)]


@pytest.mark.heavy
@pytest.mark.parametrize("point", list(Point), ids=lambda point: point.name.lower())
@pytest.mark.parametrize("name", LIVES)
async def test_killed_at_any_write_a_life_comes_to_the_same_end(name, point):
    life = LIVES[name]
    await walk(life, (kills(life.kind, number, point) for number in count(1)))


@pytest.mark.parametrize("name", QUICK)
async def test_killed_at_some_writes_a_life_comes_to_the_same_end(name):
    life = LIVES[name]
    await walk(life, (kills(life.kind, n, Point.COMMITTED)[n % 4 :][:1] for n in count(2, 3)))


async def walk(life, tries):
    """Live the life undisturbed, then once for each kill, until it has no such write."""
    async with killed_world(life.kind, *life.others, objects=life.objects) as world:
        wanted, writes = await live(world, life, Stage(world, life.kind, "undisturbed"))
        assert len(writes) >= life.least, writes
        for kill in (kill for each in tries for kill in each):
            before = len(world.proxy.writes)
            name = f"killed-{kill.number}-{before}"
            stage = Stage(world, life.kind, name)
            struck = strike(world, kill)
            try:
                ended, more = await live(world, life, stage)
                if not struck:
                    break
                assert ended == wanted
                assert len(more) <= len(writes) + MOST_MORE, "it writes and writes"
            except (AssertionError, TimeoutError) as error:
                error.add_note(told(world, stage, before, str(kill)))
                raise
            finally:
                world.proxy.strike = None


def strike(world, kill):
    """Have it happen to the life that follows; the result holds a write once it has."""
    proxy, struck = world.proxy, []

    async def restart():
        await world.manager.kill()
        proxy.lag = kill.lag
        struck.append(len(proxy.writes))
        if kill.again and len(struck) == 1:
            arm(kill.again)
        await world.manager.start()

    def arm(number):
        due = len(proxy.writes) + number
        proxy.strike = Strike(lambda write: write.number == due, kill.point, restart)

    arm(kill.number)
    return struck


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
