from __future__ import annotations

import pytest

from mlctl_core.embedded.node.images import Image, ImagesError, load_images


def test_names_are_mapped_to_environments(tmp_path):
    file = tmp_path / "images.yaml"
    file.write_text("a:1: {path: venv, env: {N: 1}}\nb: {path: /opt/b}\nc:\n")

    assert load_images(file) == {
        "a:1": Image(path=tmp_path / "venv", env={"N": "1"}),
        "b": Image(path=type(tmp_path)("/opt/b")),
        "c": Image(),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a]", "expected a mapping of image names"),
        ("a: {path: x, entrypoint: y}", "a: expected path and env"),
        ("a: {env: [x]}", "a: env is not a mapping"),
        ("a: {", "images.yaml"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path, text, message):
    file = tmp_path / "images.yaml"
    file.write_text(text)

    with pytest.raises(ImagesError, match=message):
        load_images(file)
