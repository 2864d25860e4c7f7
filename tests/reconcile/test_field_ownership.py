from __future__ import annotations

from mlctl_core.reconcile.field_ownership import migrated


def entry(manager, operation, fields, **more):
    return {
        "manager": manager,
        "operation": operation,
        "fieldsV1": {f"f:{name}": {} for name in fields},
        **more,
    }


def test_the_creating_entry_becomes_an_applying_one():
    (taken,) = migrated([entry("me", "Update", "ab")], "me")
    assert taken["operation"] == "Apply"
    assert taken["fieldsV1"] == {"f:a": {}, "f:b": {}}


def test_both_sets_of_fields_are_kept_down_to_the_leaves():
    update = entry("me", "Update", "", time="t2") | {"fieldsV1": {"f:spec": {"f:a": {}}}}
    apply = entry("me", "Apply", "", time="t1") | {"fieldsV1": {"f:spec": {".": {}, "f:b": {}}}}
    (taken,) = migrated([update, apply], "me")
    assert taken["fieldsV1"] == {"f:spec": {".": {}, "f:a": {}, "f:b": {}}}
    assert taken["time"] == "t1"


def test_subresources_and_other_managers_stay_as_they_are():
    others = [entry("me", "Update", "s", subresource="status"), entry("kubelet", "Update", "x")]
    taken, *rest = migrated([entry("me", "Update", "a"), *others], "me")
    assert rest == others
    assert taken["manager"] == "me"


def test_there_is_nothing_to_do_when_only_applies_are_ours():
    assert migrated([entry("me", "Apply", "a"), entry("you", "Update", "b")], "me") is None
