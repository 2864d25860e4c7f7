from __future__ import annotations

import pytest

from mlctl_core.embedded.node.rewrite import path_rewriter

PATHS = {"/mlctl/code": "/s/code", "/mlctl": "/s/all", "/data/": "/s/data"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/mlctl/code", "/s/code"),
        ("/mlctl/code/train.py", "/s/code/train.py"),
        ("/mlctl/other", "/s/all/other"),
        ("/mlctl/codex", "/s/all/codex"),
        ("/mlctlx", "/mlctlx"),
        ("/x/mlctl/code", "/x/mlctl/code"),
        ("a/mlctl/code", "a/mlctl/code"),
        ("/mlctl/code:/mlctl/dependencies", "/s/code:/s/all/dependencies"),
        ("--path=/mlctl/code,/data", "--path=/s/code,/s/data"),
        ("cd /data && ls '/mlctl/code'", "cd /s/data && ls '/s/code'"),
        ("file:///data/x", "file:///data/x"),
        ("nothing", "nothing"),
    ],
)
def test_paths_are_replaced_where_they_are_whole(text, expected):
    assert path_rewriter(PATHS)(text) == expected


def test_without_paths_nothing_changes():
    assert path_rewriter({})("/a/b") == "/a/b"
    assert path_rewriter({"/": "/s"})("/a/b") == "/a/b"
