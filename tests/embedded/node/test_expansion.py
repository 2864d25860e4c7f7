from __future__ import annotations

import pytest

from mlctl_core.embedded.node.expansion import expand

VARIABLES = {"A": "1", "B": "$(A)", "EMPTY": "", "X.Y": "dotted"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$(A)", "1"),
        ("-$(A)-$(A)-", "-1-1-"),
        ("$(EMPTY)", ""),
        ("$(X.Y)", "dotted"),
        ("$(MISSING)", "$(MISSING)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$(A)", "$$(A)"),
        ("$", "$"),
        ("$$", "$"),
        ("$A ${A}", "$A ${A}"),
        ("$(A", "$(A"),
        ("$()", "$()"),
        ("cost: 5$", "cost: 5$"),
    ],
)
def test_references_are_expanded_as_kubernetes_does(text, expected):
    assert expand(text, VARIABLES) == expected


def test_a_value_is_not_expanded_again():
    assert expand("$(B)", VARIABLES) == "$(A)"
