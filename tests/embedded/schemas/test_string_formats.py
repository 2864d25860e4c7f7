"""The string formats that schemas may ask for."""

from __future__ import annotations

import pytest

from mlctl_core.embedded.apiserver.formats import fits


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", "2026-01-01T00:00:00Z", "2026-01-01"),
        ("date-time", "2026-01-01T00:00:00.5+01:00", "2026-13-01T00:00:00Z"),
        ("date", "2026-01-01", "2026-1-1"),
        ("duration", "1h30m", "x"),
        ("duration", "3 days", "3 moons"),
        ("uri", "http://h/p", "x"),
        ("email", "a@b.c", "a"),
        ("hostname", "a.b-c", "_"),
        ("ipv4", "10.0.0.1", "10.0.0"),
        ("ipv6", "::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("mac", "00:11:22:33:44:55", "00:11"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
        ("uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        ("byte", "YQ==", "*"),
        ("k8s-short-name", "a-b", "a.b"),
        ("k8s-long-name", "a.b", "A.b"),
        ("hexcolor", "#fff", "#ff"),
        ("rgbcolor", "rgb(1, 2, 3)", "rgb(1)"),
    ],
)
def test_a_format_takes_what_it_names(name, good, bad):
    assert fits(good, name)
    assert not fits(bad, name)


def test_a_format_nobody_knows_takes_everything():
    assert fits("anything", "no-such-format")
