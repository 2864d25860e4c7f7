"""The Containerfile makes the image that `make image` makes."""

from __future__ import annotations

import json
from pathlib import Path

from hack.image import __main__ as program
from hack.image import archive, contents

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "Containerfile").read_text().splitlines()
CONFIG = archive.configuration([], 0)["config"]


def arguments(word):
    return [line.removeprefix(f"{word} ") for line in LINES if line.startswith(f"{word} ")]


def test_it_is_started_in_the_same_way():
    assert arguments("ENV") == CONFIG["Env"]
    assert arguments("USER") == [CONFIG["User"]]
    assert arguments("WORKDIR")[-1] == CONFIG["WorkingDir"]
    [entrypoint] = arguments("ENTRYPOINT")
    assert json.loads(entrypoint) == CONFIG["Entrypoint"]


def test_nothing_of_the_first_stage_is_in_it_but_the_root():
    assert arguments("FROM") == ["${PYTHON} AS build", "scratch"]
    last = LINES[LINES.index("FROM scratch") :]
    assert sum(line.startswith("COPY --from=build ") for line in last) == 1
    assert not any(line.startswith(("RUN", "ADD")) for line in last)


def test_it_is_given_what_the_build_reads_and_no_more():
    copied = {words.split()[0] for words in arguments("COPY") if not words.startswith("--")}
    lock = str(contents.REQUIREMENTS.relative_to(ROOT))
    assert copied == {"pyproject.toml", "hack", lock, *contents.SOURCES}


def test_its_example_uses_the_name_of_the_image():
    assert any(f"--tag {program.name()} " in line for line in LINES)
