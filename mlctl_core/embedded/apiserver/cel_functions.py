"""The functions of Kubernetes' CEL library that rules may call beside CEL's own.

Strings, lists, regular expressions, quantities, addresses and URLs as far as they can be
had without types of their own: a quantity, an address and a URL are the checked text. A
function that fails raises `CallError`, which ends the evaluation with its message.
"""

from __future__ import annotations

import ipaddress
import itertools
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import cel

from mlctl_core.objects.quantities import canonical_quantity, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE: Final = "sizeOf"
"""What `size` is called inside: the engine's own counts the bytes of a string."""

NAMESPACES: Final = frozenset({"math"})
"""Names before a dot that stand for a group of functions."""


class CallError(ValueError):
    """A function was called with something it cannot take."""


def _quantity(text: str) -> str:
    try:
        return canonical_quantity(text)
    except ValueError as error:
        raise CallError(
            "quantities must match the regular expression"
            " '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        ) from error


def _is(check: Callable[[str], Any]) -> Callable[[str], bool]:
    def test(text: str) -> bool:
        try:
            check(text)
        except ValueError:
            return False
        return True

    return test


def _compare(left: str, right: str) -> int:
    a, b = parse_quantity(left), parse_quantity(right)
    return (a > b) - (a < b)


def _sum_of(left: str, right: Any, sign: int) -> str:
    return _quantity(format(parse_quantity(left) + sign * parse_quantity(str(right)), "f"))


def _as_integer(text: str) -> int:
    value = parse_quantity(text)
    if value != value.to_integral_value():
        raise CallError("cannot convert value to integer")
    return int(value)


def _address(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise CallError(f'IP Address "{text}" parse error during conversion from string') from error
    return text


def _network(text: str) -> str:
    try:
        ipaddress.ip_interface(text)
    except ValueError as error:
        raise CallError(
            f"CIDR notation parse error during conversion from string: {text}"
        ) from error
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if not (parts.scheme or text.startswith("/")):
        raise CallError(f"URL parse error during conversion from string: {text}")
    return text


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        return list(text)
    return text.split(separator, -1 if limit < 0 else limit - 1)


def _index_of(where: Any, what: Any, start: int = 0) -> int:
    if isinstance(where, str):
        return where.find(what, start)
    return where.index(what) if what in where else -1


def _last_index_of(where: Any, what: Any) -> int:
    if isinstance(where, str):
        return where.rfind(what)
    return max((i for i, item in enumerate(where) if item == what), default=-1)


def _find(text: str, pattern: str) -> str:
    match = re.search(pattern, text)
    return match[0] if match else ""


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    found = [match[0] for match in re.finditer(pattern, text)]
    return found if limit < 0 else found[:limit]


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    return text.replace(old, new, limit)


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise CallError(f"index out of range: {start if end is None else end}")
    return text[start:stop]


def _char_at(text: str, at: int) -> str:
    if not 0 <= at <= len(text):
        raise CallError(f"index out of range: {at}")
    return text[at : at + 1]


def _extreme(pick: Callable[..., Any]) -> Callable[[list[Any]], Any]:
    def of(items: list[Any]) -> Any:
        if not items:
            raise CallError(f"{pick.__name__} called on empty list")
        return pick(items)

    return of


def _of_arguments(pick: Callable[..., Any]) -> Callable[..., Any]:
    def of(_namespace: Any, *values: Any) -> Any:
        return pick(values[0] if len(values) == 1 and isinstance(values[0], list) else values)

    return of


def _optional_field(holder: Any, name: str) -> Any:
    if isinstance(holder, cel.OptionalValue):
        holder = holder.value() if holder.has_value() else {}
    if isinstance(holder, dict) and name in holder:
        return cel.OptionalValue.of(holder[name])
    return cel.OptionalValue.none()


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    SIZE: len,
    "optionalField": _optional_field,
    # strings
    "charAt": _char_at,
    "find": _find,
    "findAll": _find_all,
    "indexOf": _index_of,
    "join": lambda items, separator="": separator.join(items),
    "lastIndexOf": _last_index_of,
    "lowerAscii": lambda text: re.sub("[A-Z]", lambda match: match[0].lower(), text),
    "replace": _replace,
    "reverse": lambda items: items[::-1],
    "split": _split,
    "substring": _substring,
    "trim": lambda text: text.strip(),
    "upperAscii": lambda text: re.sub("[a-z]", lambda match: match[0].upper(), text),
    # lists
    "distinct": lambda items: [item for i, item in enumerate(items) if item not in items[:i]],
    "isSorted": lambda items: all(a <= b for a, b in itertools.pairwise(items)),
    "max": _extreme(max),
    "min": _extreme(min),
    "sum": sum,
    # numbers
    "abs": lambda _namespace, value: abs(value),
    "ceil": lambda _namespace, value: float(math.ceil(value)),
    "floor": lambda _namespace, value: float(math.floor(value)),
    "greatest": _of_arguments(max),
    "least": _of_arguments(min),
    # quantities
    "add": lambda left, right: _sum_of(left, right, 1),
    "asApproximateFloat": lambda text: float(parse_quantity(text)),
    "asInteger": _as_integer,
    "compareTo": _compare,
    "isGreaterThan": lambda left, right: _compare(left, right) > 0,
    "isInteger": lambda text: parse_quantity(text) % 1 == 0,
    "isLessThan": lambda left, right: _compare(left, right) < 0,
    "isQuantity": _is(parse_quantity),
    "quantity": _quantity,
    "sign": lambda text: _compare(text, "0"),
    "sub": lambda left, right: _sum_of(left, right, -1),
    # addresses
    "cidr": _network,
    "containsIP": lambda net, ip: ipaddress.ip_address(ip) in ipaddress.ip_interface(net).network,
    "family": lambda ip: ipaddress.ip_address(ip).version,
    "ip": lambda text: text.split("/")[0] if "/" in text else _address(text),
    "isCIDR": _is(_network),
    "isIP": _is(_address),
    "isLoopback": lambda ip: ipaddress.ip_address(ip).is_loopback,
    "isUnspecified": lambda ip: ipaddress.ip_address(ip).is_unspecified,
    "prefixLength": lambda net: ipaddress.ip_interface(net).network.prefixlen,
    # URLs
    "getEscapedPath": lambda url: urlsplit(url).path,
    "getHost": lambda url: urlsplit(url).netloc.rpartition("@")[2],
    "getHostname": lambda url: urlsplit(url).hostname or "",
    "getPort": lambda url: str(urlsplit(url).port or ""),
    "getQuery": lambda url: parse_qs(urlsplit(url).query, keep_blank_values=True),
    "getScheme": lambda url: urlsplit(url).scheme,
    "isURL": _is(_url),
    "url": _url,
}


def callable_functions(failures: list[str]) -> dict[str, Callable[..., Any]]:
    """The functions for one evaluation context.

    What goes wrong in them is put into `failures`: the engine would write a Python error
    into the process's log, and name only its own view of it.
    """

    def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            try:
                result = function(*arguments)
            except (ValueError, TypeError, ArithmeticError, re.error, AttributeError) as failure:
                failures.append(str(failure))
                return None
            return float(result) if isinstance(result, Decimal) else result

        return call

    return {name: guarded(function) for name, function in FUNCTIONS.items()}
