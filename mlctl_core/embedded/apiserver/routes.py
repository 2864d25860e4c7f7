"""Takes a URL path apart: what is asked for, not whether it exists.

`/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}/{subresource}` and its
shorter forms, `/api/v1/…` for the core group, `/…/watch/…` as clients of old write it.
"""

from __future__ import annotations

from urllib.parse import unquote

import attrs


@attrs.frozen
class Target:
    """A resource, an object or a subresource that a path names."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    """What follows a subresource, for proxies."""
    watch: bool = False
    """Named by the old `/watch/` prefix."""


_OF_NAMESPACES = ("status", "finalize")
"""Subresources of a namespace itself."""


def parse_path(path: str) -> Target | None:
    """Take a path apart; None when it names no resource.

    `/api/v1/namespaces/x` is the namespace x itself, and so are its subresources `status`
    and `finalize`; any other third part is a resource inside the namespace.
    """
    match [unquote(part) for part in path.strip("/").split("/")]:
        case ["api", version, *rest] if rest:
            group = ""
        case ["apis", group, version, *rest] if rest:
            pass
        case _:
            return None
    watch = rest[0] == "watch" and rest != ["watch"]
    if watch:
        rest = rest[1:]
    namespace = ""
    match rest:
        case ["namespaces", namespace, below, *_] if below not in _OF_NAMESPACES:
            rest = rest[2:]
        case _:
            namespace = ""
    padded = [*rest, "", "", ""]
    return Target(
        group=group,
        version=version,
        plural=padded[0],
        namespace=namespace,
        name=padded[1],
        subresource=padded[2],
        rest="/".join(rest[3:]),
        watch=watch,
    )
