"""Definitions are refused for the reasons and in the words of a real kube-apiserver."""

from __future__ import annotations

import pytest
from recorded_answers import load

from mlctl_core.embedded.apiserver.field_errors import summary
from mlctl_core.embedded.apiserver.structural import check_structural

DEFINITIONS = load("definitions")


@pytest.mark.parametrize("case", DEFINITIONS, ids=lambda case: str(case["schema"])[-70:])
def test_a_schema_is_judged_as_a_real_server_judges_it(case):
    errors = check_structural(case["schema"], "spec.validation.openAPIV3Schema")
    assert (summary(errors) if errors else None) == case["error"]


def test_a_pattern_that_is_no_regular_expression_is_refused():
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "["}}}
    (error,) = check_structural(schema, "s")
    assert error.path == "s.properties[a].pattern"
    assert "must be a valid regular expression, but isn't: " in error.message
