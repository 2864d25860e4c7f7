"""`make test-real` looks for its tests in some places only: looking through all takes long."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_test_of_a_real_control_plane_is_where_it_is_not_looked_for():
    places = re.search(r"^REAL +:= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert places
    looked_in = [ROOT / place for place in places[1].split()]
    asking = [
        path
        for path in ROOT.glob("tests/**/*.py")
        if re.search(r"mark\.real\b(?! *\\)", path.read_text()) and path != Path(__file__)
    ]
    assert asking
    assert [path for path in asking if not any(path.is_relative_to(one) for one in looked_in)] == []
