"""The README, taken apart: its sections, what is set in code, and the commands that it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def section(heading):
    """The text below a heading."""
    return README.split(f"{heading}\n", maxsplit=1)[1].split("\n#", maxsplit=1)[0]


def fenced(language, heading):
    """The section's one block of that language."""
    [block] = re.findall(rf"```{language}\n(.*?)```", section(heading), re.DOTALL)
    return block


def indented(heading):
    """The section's blocks of indented lines, as they stand."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", section(heading), re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip("\n") for block in blocks]


def spans(text=README):
    """What is set in code within a line of text, on one line each."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def commands(program):
    """The words of each call of a program that the README shows."""
    shown = [*spans(), *re.findall(r"^    (?: +\$ )?(.*)$", README, re.MULTILINE)]
    parts = [part.strip() for line in shown for part in line.split(" | ")]
    lines = [part.partition("#")[0] for part in parts if part.startswith(f"{program} ")]
    return [shlex.split(line)[1:] for line in lines]
