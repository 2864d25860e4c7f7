from __future__ import annotations

import pytest

from mlctl_core.objects.keys import ObjectKey


@pytest.mark.parametrize("key", [ObjectKey("ml", "digits"), ObjectKey("", "node-1")])
def test_a_key_is_read_as_it_is_written(key):
    assert ObjectKey.parse(str(key)) == key


@pytest.mark.parametrize("text", ["", "/", "a/", "/a", "a/b/c"])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match="neither"):
        ObjectKey.parse(text)
