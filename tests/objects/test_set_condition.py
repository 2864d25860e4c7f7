from __future__ import annotations

from mlctl_core.objects.conditions import Condition, find_condition, is_true, set_condition


def condition(type_="Ready", status="True", at="2026-01-01T00:00:00Z", **fields):
    return Condition(type=type_, status=status, last_transition_time=at, **fields)


def test_a_new_condition_goes_to_the_end():
    ready, done = condition(), condition("Done")
    assert set_condition((ready,), done) == (ready, done)


def test_a_condition_keeps_its_place_and_its_time_while_its_status_stays():
    old = (condition(), condition("Done"))
    new = condition(at="2026-02-02T00:00:00Z", reason="Because", message="new words")
    assert set_condition(old, new) == (condition(reason="Because", message="new words"), old[1])


def test_the_time_moves_when_the_status_flips():
    flipped = condition(status="False", at="2026-02-02T00:00:00Z")
    assert set_condition((condition(),), flipped) == (flipped,)


def test_setting_the_same_again_changes_nothing():
    old = (condition(reason="Because", observed_generation=1),)
    again = condition(at="2026-02-02T00:00:00Z", reason="Because", observed_generation=1)
    assert set_condition(old, again) == old


def test_only_the_status_true_is_true():
    conditions = (condition("A"), condition("B", "False"), condition("C", "Unknown"))
    assert [is_true(conditions, name) for name in "ABCD"] == [True, False, False, False]
    assert find_condition(conditions, "B") is conditions[1]
    assert find_condition(conditions, "D") is None
