"""Reading the files that people hand to the command: YAML, several objects in one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mlctl_core.cli.errors import CommandError

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json


def documents(file: str) -> list[Json]:
    """Return the objects of a file; ``-`` is standard input.

    Each has a kind and a name; the rest is for the server to judge.

    Raises:
        CommandError: it cannot be read, or holds something else, or nothing.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        found = [document for document in yaml.safe_load_all(text) if document is not None]
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandError(f"{file} is not text in UTF-8") from None
    except yaml.YAMLError as error:
        raise CommandError(f"{file} is not YAML: {_where(error)}") from None
    if not found:
        raise CommandError(f"{file} holds no object")
    for number, document in enumerate(found, 1):
        if problem := _problem(document):
            raise CommandError(f"{file}, object {number}: {problem}")
    return found


def _where(error: yaml.YAMLError) -> str:
    """Return the parser's complaint in one line."""
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}: {problem}" if mark else problem


def _problem(document: Any) -> str:
    if not isinstance(document, dict):
        return "not a mapping of fields"
    for field in ("apiVersion", "kind"):
        if not isinstance(document.get(field), str):
            return f"{field} is missing"
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name:
        return "metadata.name is missing"
    return ""
