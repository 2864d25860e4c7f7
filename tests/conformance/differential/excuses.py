"""Differences that are let pass, each with its reason: none in what the runtime uses."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from compare import Difference
from raw_client import STRATEGIC


@attrs.frozen
class Excuse:
    """A difference that is known, where it may be, and why it stays."""

    reason: str
    meant: Callable[[Difference], bool]


EXCUSES = (
    Excuse(
        "A dry run of a PUT that would create an object shows the resourceVersion it was sent,"
        " which means nothing.",
        lambda one: (
            one.path == "body.metadata.resourceVersion"
            and one.request.method == "PUT"
            and "dryRun" in one.request.query
        ),
    ),
    Excuse(
        "A value that cannot be read in a strategic merge patch is refused in words of Go's"
        " reflection, and with the patch as merging has left it.",
        lambda one: (
            one.path.startswith("body.details.causes[")
            and one.path.endswith("].message")
            and one.request.kind == STRATEGIC
            and "strict decoding error" not in one.real
            and one.real.startswith('Invalid value: "map[')
            and one.embedded.startswith('Invalid value: "map[')
        ),
    ),
    Excuse(
        "Of a value of the wrong type and a time that is none in one object, upstream tells the"
        " time.",
        lambda one: (
            one.path.endswith("message")
            and "parsing time" in str(one.real)
            and "cannot unmarshal" in str(one.embedded)
        ),
    ),
    Excuse(
        "A template's labels that do not fit the selector are shown as {} or as null by how they"
        " came to be none.",
        lambda one: (
            str(one.real).startswith("Invalid value: {}: `selector` does not match")
            and str(one.embedded) == one.real.replace("{}", "null")
        ),
    ),
)


def excuse_for(difference):
    """The excuse for a difference, or None."""
    return next((one for one in EXCUSES if one.meant(difference)), None)
