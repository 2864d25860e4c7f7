"""Where two servers answered differently."""

from __future__ import annotations

import attrs

ABSENT = "(absent)"


@attrs.frozen
class Difference:
    """One place in one answer."""

    request: object
    path: str
    embedded: object
    real: object

    def __str__(self):
        return (
            f"{self.request}\n    at {self.path}\n"
            f"      real: {self.real}\n  embedded: {self.embedded}"
        )


def differences(request, embedded, real):
    """Every place where the two answers to a request differ."""
    if embedded == real:
        return []
    found = []
    _compare(request, "status", embedded.status, real.status, found)
    _compare(request, "body", embedded.body, real.body, found)
    _compare(request, "warnings", list(embedded.warnings), list(real.warnings), found)
    return found


def _compare(request, path, embedded, real, found):
    if type(embedded) is type(real) and isinstance(real, dict):
        for key in sorted(embedded.keys() | real.keys()):
            _compare(
                request, f"{path}.{key}", embedded.get(key, ABSENT), real.get(key, ABSENT), found
            )
    elif type(embedded) is type(real) and isinstance(real, list) and len(real) == len(embedded):
        for number, (one, other) in enumerate(zip(embedded, real, strict=True)):
            _compare(request, f"{path}[{number}]", one, other, found)
    elif embedded != real:
        found.append(Difference(request, path, embedded, real))
