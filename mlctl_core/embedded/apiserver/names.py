"""Names, labels and qualified names, checked in upstream's words.

Each check returns what is wrong with the text, an empty list when nothing is
(`k8s.io/apimachinery/pkg/util/validation`).
"""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_1123_LABEL: Final = re.compile(_LABEL)
_SUBDOMAIN: Final = rf"{_LABEL}(\.{_LABEL})*"
_DNS_1123_SUBDOMAIN: Final = re.compile(_SUBDOMAIN)
_DNS_1035: Final = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_DNS_1035_LABEL: Final = re.compile(_DNS_1035)
_NAME_PART: Final = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_QUALIFIED_PART: Final = re.compile(_NAME_PART)
_LABEL_VALUE: Final = re.compile(rf"({_NAME_PART})?")
_ENV_NAME: Final = re.compile(r"[ -<>-~]+", re.ASCII)
_CONFIG_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+")
_PORT_NAME: Final = re.compile(r"[-a-z0-9]+")

MAX_LABEL: Final = 63
MAX_SUBDOMAIN: Final = 253
_MAX_PORT_NAME: Final = 15

_DNS_1123_LABEL_RULE: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-',"
    " and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc',"
    f" regex used for validation is '{_LABEL}')"
)
_SUBDOMAIN_RULE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-'"
    " or '.', and must start and end with an alphanumeric character (e.g. 'example.com',"
    f" regex used for validation is '{_SUBDOMAIN}')"
)
DNS_1035_LABEL: Final = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with"
    " an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or"
    f" 'abc-123', regex used for validation is '{_DNS_1035}')"
)
_NAME_PART_RULE: Final = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with"
    " an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    f" validation is '{_NAME_PART}')"
)
_LABEL_VALUE_RULE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_'"
    " or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or"
    f" 'my_value',  or '12345', regex used for validation is '({_NAME_PART})?')"
)
_ENV_NAME_RULE: Final = (
    "a valid environment variable name must consist only of printable ASCII characters other"
    " than '='"
)
_CONFIG_KEY_RULE: Final = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g."
    " 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is"
    " '[-._a-zA-Z0-9]+')"
)


def _too_long(text: str, most: int, unit: str = "bytes") -> list[str]:
    return [f"must be no more than {most} {unit}"] if len(text.encode()) > most else []


def check_dns_1123_label(text: str) -> list[str]:
    """A lowercase label of at most 63 bytes."""
    found = _too_long(text, MAX_LABEL, "characters")
    if not _DNS_1123_LABEL.fullmatch(text):
        dotted = _DNS_1123_SUBDOMAIN.fullmatch(text)
        found.append("must not contain dots" if dotted else _DNS_1123_LABEL_RULE)
    return found


def check_dns_1123_subdomain(text: str, unit: str = "characters") -> list[str]:
    """Labels joined by dots, at most 253 bytes: what most names must be."""
    found = _too_long(text, MAX_SUBDOMAIN, unit)
    if not _DNS_1123_SUBDOMAIN.fullmatch(text):
        found.append(_SUBDOMAIN_RULE)
    return found


def check_dns_1035_label(text: str) -> list[str]:
    """A label that starts with a letter."""
    found = _too_long(text, MAX_LABEL)
    if not _DNS_1035_LABEL.fullmatch(text):
        found.append(DNS_1035_LABEL)
    return found


def check_path_segment(text: str) -> list[str]:
    """Names that need only fit into a URL: roles and bindings."""
    if text in {".", ".."}:
        return [f"may not be '{text}'"]
    return [f"may not contain '{char}'" for char in "/%" if char in text]


def check_qualified_name(text: str) -> list[str]:
    """A label or annotation key: `[prefix/]name`."""
    parts = text.split("/")
    found: list[str] = []
    name = parts[-1]
    if len(parts) == 2:  # noqa: PLR2004 - a prefix and a name
        prefix = parts[0]
        if not prefix:
            found.append("prefix part must be non-empty")
        else:
            found.extend(
                f"prefix part {rule}" for rule in check_dns_1123_subdomain(prefix, "bytes")
            )
    elif len(parts) != 1:
        rule = f"a valid label key {_NAME_PART_RULE} with an optional DNS subdomain prefix and '/'"
        return [f"{rule} (e.g. 'example.com/MyName')"]
    if not name:
        found.append("name part must be non-empty")
    else:
        found.extend(f"name part {rule}" for rule in _too_long(name, MAX_LABEL))
    if not _QUALIFIED_PART.fullmatch(name):
        found.append(f"name part {_NAME_PART_RULE}")
    return found


def check_label_value(text: str) -> list[str]:
    """A label's value: empty or a name of at most 63 bytes."""
    found = _too_long(text, MAX_LABEL)
    if not _LABEL_VALUE.fullmatch(text):
        found.append(_LABEL_VALUE_RULE)
    return found


def check_env_name(text: str) -> list[str]:
    """An environment variable's name, under the relaxed rule (KEP-4369)."""
    return [] if _ENV_NAME.fullmatch(text) else [_ENV_NAME_RULE]


def check_config_key(text: str) -> list[str]:
    """A key of a ConfigMap's or Secret's data."""
    found = _too_long(text, MAX_SUBDOMAIN)
    if not _CONFIG_KEY.fullmatch(text):
        found.append(_CONFIG_KEY_RULE)
    if text == ".":
        found.append("must not be '.'")
    elif text == "..":
        found.append("must not be '..'")
    elif text.startswith(".."):
        found.append("must not start with '..'")
    return found


def check_port_name(text: str) -> list[str]:
    """A port's name: at most 15 characters, with a letter (RFC 6335)."""
    found: list[str] = []
    if len(text) > _MAX_PORT_NAME:
        found.append(f"must be no more than {_MAX_PORT_NAME} bytes")
    if not _PORT_NAME.fullmatch(text):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        found.append("must contain at least one letter (a-z)")
    if "--" in text:
        found.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return found
