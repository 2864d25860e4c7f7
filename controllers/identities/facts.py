"""What was found of an identity's parts. Plain data, and nothing secret: names and times only."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import attrs

SourceKind = Literal["Secret", "ConfigMap", "ServiceAccount"]


@attrs.frozen
class Found:
    """One object that an identity names."""

    kind: SourceKind
    name: str
    keys: frozenset[str] = frozenset()
    """Of a Secret or ConfigMap."""
    exists: bool = True
    problem: str = ""
    """Why it could not be asked for, in words; then nothing else is known."""
    allowed: bool = True
    """Of a ServiceAccount: whether identities may use it."""


@attrs.frozen
class KeytabFound:
    """Whose keys a keytab holds."""

    principals: frozenset[str] = frozenset()
    problem: str = ""
    """Why it could not be read; empty when it could."""


@attrs.frozen
class Ending:
    """A credential that says when it ends."""

    secret: str
    key: str
    at: datetime


@attrs.frozen
class IdentityFacts:
    """The answers about one identity."""

    found: tuple[Found, ...] = ()
    keytab: KeytabFound | None = None
    """None when there is none to read."""
    endings: tuple[Ending, ...] = ()

    def of(self, kind: SourceKind, name: str) -> Found | None:
        """What was found of one object; None when it was not asked for."""
        return next((f for f in self.found if (f.kind, f.name) == (kind, name)), None)
