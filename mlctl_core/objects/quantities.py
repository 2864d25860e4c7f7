"""Quantities of resources: ``500m``, ``1.5Gi``, ``2e3``, exactly.

The rules are those of k8s.io/apimachinery ``pkg/api/resource``: which strings are refused, that
parts below a nano are rounded away from zero, that nothing exceeds 2^63-1, and how the canonical
spelling looks, which is what the server sends back (``0.5`` becomes ``500m``).
"""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

__all__ = ["canonical_quantity", "format_quantity", "parse_quantity"]

_QUANTITY = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]+))?"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}

_NANO = 10**9
_MAX = (2**63 - 1) * _NANO
# An int of more digits is beyond _MAX or below a nano anyway; the cap keeps "1e999999999" cheap.
_MAX_EXPONENT = 100
# Longer than any sensible quantity, and short enough that arithmetic on it costs nothing.
_MAX_LENGTH = 200
# Enough for every digit of 2^63-1 with nine decimal places.
_PRECISION = 40


def parse_quantity(value: str | float) -> Decimal:
    """The exact amount that `value` stands for, in units (cores, bytes, devices).

    Numbers are taken too: YAML reads ``cpu: 2`` and ``cpu: 0.5`` as such.

    Raises:
        ValueError: an unknown suffix (``1K``, ``1 Gi``), or no digits (``.`` too, which upstream
            takes for zero).
    """
    return _exact(_nanos(str(value)))


def format_quantity(value: Decimal | int, *, like: str = "") -> str:
    """The canonical spelling of `value`, in the family of suffixes that `like` uses.

    `like` is another quantity: ``1Gi`` asks for Ki, Mi, Gi…, ``1e3`` for exponents, anything else
    (also nothing) for n, u, m, k, M, G…. The canonical spelling has no fraction and the largest
    suffix that allows it. Binary amounts below 1024, or with a fraction, are written as decimals,
    as upstream does.

    Raises:
        ValueError: `like` is no quantity.
    """
    with localcontext(prec=_PRECISION):
        scaled = Decimal(value) * _NANO
        nanos = _round_up(int(scaled), exact=scaled == int(scaled))
    return _format(_capped(nanos), _match(like) if like else None)


def canonical_quantity(value: str | float) -> str:
    """What the server would answer for `value`: ``0.5`` → ``500m``, ``1.5Gi`` → ``1536Mi``.

    Raises:
        ValueError: as `parse_quantity`.
    """
    text = str(value)
    return _format(_nanos(text), _match(text))


def _match(text: str) -> re.Match[str]:
    found = _QUANTITY.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if not found or not (found["whole"] or found["part"]):
        raise ValueError(
            f"{text[:_MAX_LENGTH]!r} is no quantity: "
            "want a number with an optional suffix, such as 500m, 2, 1.5Gi"
        )
    return found


def _nanos(text: str) -> int:
    found = _match(text)
    whole, part = found["whole"] or "", found["part"] or ""
    digits = int(whole + part)
    suffix = found["suffix"] or ""
    exponent = int(found["exponent"] or _DECIMAL.get(suffix, 0))
    shift = max(-_MAX_EXPONENT, min(_MAX_EXPONENT, exponent)) + 9 - len(part)
    amount = digits * 1024 ** _BINARY.get(suffix, 0)
    if shift >= 0:
        nanos = amount * 10**shift
    else:
        nanos, lost = divmod(amount, 10**-shift)
        nanos = _round_up(nanos, exact=not lost)
    return _capped(-nanos if found["sign"] == "-" else nanos)


def _round_up(nanos: int, *, exact: bool) -> int:
    """Away from zero, so that a request is never rounded to less than was asked for."""
    if exact:
        return nanos
    return nanos + 1 if nanos >= 0 else nanos - 1


def _capped(nanos: int) -> int:
    return max(-_MAX, min(_MAX, nanos))


def _exact(nanos: int) -> Decimal:
    with localcontext(prec=_PRECISION):
        value = Decimal(nanos) / _NANO
        return value.quantize(Decimal(1)) if nanos % _NANO == 0 else value.normalize()


def _format(nanos: int, like: re.Match[str] | None) -> str:
    if nanos == 0:
        return "0"
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    binary = like is not None and like["suffix"] in _BINARY
    if binary and nanos >= 1024 * _NANO and nanos % _NANO == 0:
        return sign + _binary(nanos // _NANO)
    return sign + _decimal(nanos, exponents=bool(like and like["exponent"]))


def _binary(units: int) -> str:
    suffix = ""
    for candidate, power in _BINARY.items():
        if units % 1024**power == 0:
            suffix = candidate
    return f"{units // 1024 ** _BINARY.get(suffix, 0)}{suffix}"


def _decimal(nanos: int, *, exponents: bool) -> str:
    exponent = -9
    while nanos % 1000 == 0 and exponent < max(_DECIMAL_SUFFIX):
        nanos, exponent = nanos // 1000, exponent + 3
    if exponents:
        return f"{nanos}e{exponent}" if exponent else str(nanos)
    return f"{nanos}{_DECIMAL_SUFFIX[exponent]}"
