"""Printing: columns for people, JSON and YAML for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from mlctl_core.objects.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mlctl_core.objects.json import Json

_GAP = "   "
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: text of several lines as a block, nothing by reference."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Write out what stands in two places twice: ``&id001`` says nothing to a reader."""
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def columns(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as kubectl prints it."""
    table = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def yaml_documents(objects: Iterable[Json]) -> str:
    """Return the objects as a stream of YAML documents."""
    text: str = yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text.rstrip()


def document(objects: Json | list[Json], form: str) -> str:
    """Return the objects as JSON or YAML; several as a v1 List."""
    if isinstance(objects, list):
        objects = {"apiVersion": "v1", "kind": "List", "items": objects}
    if form == "json":
        return json.dumps(objects, indent=2, ensure_ascii=False)
    return yaml_documents([objects])


def age(since: str, now: datetime) -> str:
    """Return how long ago a time was, in its two largest units at most: ``3d4h``, ``12s``."""
    seconds = max(0, int((now - parse_time(since)).total_seconds()))
    parts: list[str] = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])
