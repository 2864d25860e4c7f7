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


def parse_path(path: str) -> Target | None:
    """Take a path apart; None when it names no resource.

    `/api/v1/namespaces/x` is the namespace x itself, and so are its subresources `status`
    and `finalize`; any other third part is a resource inside the namespace.
    """
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if len(parts) > 2 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) > 3 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    watch = rest[0] == "watch" and len(rest) > 1
    if watch:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
        namespace, rest = rest[1], rest[2:]
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
