"""Leases: by them one of several managers leads."""

from __future__ import annotations

import pytest

HELD = {
    "holderIdentity": "one",
    "leaseDurationSeconds": 15,
    "acquireTime": "2020-01-01T00:00:00.000000Z",
    "renewTime": "2020-01-01T00:00:00.123456Z",
    "leaseTransitions": 0,
}


@pytest.fixture
def leases(namespace):
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


def lease(**spec):
    return {"metadata": {"name": "a"}, "spec": spec}


async def test_it_is_kept_as_it_is(server, leases):
    made = await server.made(leases, lease(**HELD))
    assert made["spec"] == HELD
    assert "generation" not in made["metadata"]


async def test_it_is_renewed_at_its_version_only(server, leases):
    made = await server.made(leases, lease(**HELD))
    later = {**HELD, "renewTime": "2020-01-01T00:00:05.000000Z"}
    answer = await server.put(f"{leases}/a", {**made, "spec": later})
    assert answer.ok()["spec"] == later
    answer = await server.put(f"{leases}/a", {**made, "spec": {**HELD, "holderIdentity": "two"}})
    assert answer.refusal[:2] == (409, "Conflict")
    assert (await server.found(f"{leases}/a"))["spec"]["holderIdentity"] == "one"


async def test_only_one_of_two_makes_it(server, leases):
    await server.made(leases, lease(**HELD))
    answer = await server.post(leases, lease(**{**HELD, "holderIdentity": "two"}))
    message = 'leases.coordination.k8s.io "a" already exists'
    assert answer.refusal == (409, "AlreadyExists", message)


async def test_it_is_released(server, leases):
    made = await server.made(leases, lease(**HELD))
    free = {**HELD, "holderIdentity": "", "leaseDurationSeconds": 1}
    answer = await server.put(f"{leases}/a", {**made, "spec": free})
    assert answer.ok()["spec"] == free


@pytest.mark.parametrize(
    ("spec", "causes"),
    [
        (
            {"leaseDurationSeconds": 0},
            [("spec.leaseDurationSeconds", "Invalid value: 0: must be greater than 0")],
        ),
        (
            {"leaseDurationSeconds": -1, "leaseTransitions": -1},
            [
                ("spec.leaseDurationSeconds", "Invalid value: -1: must be greater than 0"),
                (
                    "spec.leaseTransitions",
                    "Invalid value: -1: must be greater than or equal to 0",
                ),
            ],
        ),
    ],
    ids=["duration", "both"],
)
async def test_its_numbers_make_sense(server, leases, spec, causes):
    answer = await server.post(leases, lease(**spec))
    assert answer.refusal[:2] == (422, "Invalid")
    assert [(field, words) for _, field, words in answer.causes] == causes


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("x", 'cannot parse "x" as "2006"'),
        ("2020-01-01T00:00:00Z", 'cannot parse "Z" as ".000000"'),
        ("2020-01-01T00:00:00.123456789Z", 'cannot parse "789Z" as "Z07:00"'),
    ],
    ids=["no time", "seconds", "nanoseconds"],
)
async def test_its_times_have_six_digits(server, leases, time, why):
    answer = await server.post(leases, lease(renewTime=time))
    assert answer.refusal[:2] == (400, "BadRequest")
    layout = "2006-01-02T15:04:05.000000Z07:00"
    assert answer.message == (
        'Lease in version "v1" cannot be handled as a Lease: '
        f'parsing time "{time}" as "{layout}": {why}'
    )


async def test_what_only_a_coordinated_election_reads_is_dropped(server, leases):
    made = await server.made(leases, lease(strategy="OldestEmulationVersion", preferredHolder="x"))
    assert made["spec"] == {}
