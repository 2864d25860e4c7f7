"""Warnings of a response as headers, cut as upstream cuts them (KEP-1693).

A proxy may refuse headers that are too long, so many or long warnings are shortened: all of
them once their text together is too long, and what then still does not fit is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL_LETTERS = 4096
"""Of all warnings of a response together."""

LETTERS = 256
"""Of each, once they are together longer than that."""


def warning_headers(texts: Iterable[str]) -> list[str]:
    """Give the values of the `Warning` headers for these texts, each of which is said once."""
    shown = list(dict.fromkeys(text for text in texts if text))
    if sum(map(len, shown)) > ALL_LETTERS:
        shown = _shortened(shown)
    return [f'299 - "{_quotable(text)}"' for text in shown]


def _shortened(texts: list[str]) -> list[str]:
    kept: list[str] = []
    written = 0
    for text in texts:
        if written >= ALL_LETTERS:
            break
        kept.append(text[:LETTERS])
        written += len(kept[-1])
    return kept


def _quotable(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
