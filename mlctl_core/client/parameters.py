"""Paths and query parameters of the verbs, in the API's spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json
    from mlctl_core.objects.kinds import Kind

__all__ = ["body_path", "log_options", "object_path", "selection", "writing"]


def object_path(kind: Kind, namespace: str, name: str, subresource: str = "") -> str:
    """The path of one object.

    Raises:
        ValueError: the name could lead elsewhere (k/k path segment names).
    """
    for segment in (name, namespace):
        if segment in (".", "..") or "/" in segment or "%" in segment:
            raise ValueError(f"{segment!r} cannot be part of an object's path")
    if not name:
        raise ValueError(f"a {kind} without a name")
    return kind.path(namespace, name, subresource)


def body_path(kind: Kind, body: Json, subresource: str) -> str:
    """The path of the object that ``body`` names; see `object_path`."""
    metadata = body["metadata"]
    return object_path(kind, metadata.get("namespace", ""), metadata["name"], subresource)


def selection(label_selector: str, field_selector: str) -> dict[str, str]:
    """Which objects of a list or watch; nothing for empty selectors."""
    selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: selector for name, selector in selectors.items() if selector}


def writing(field_manager: str) -> dict[str, str]:
    """Who writes; nothing for nobody, whom the server then calls by the user agent."""
    return {"fieldManager": field_manager} if field_manager else {}


def log_options(container: str, tail_lines: int | None) -> dict[str, str]:
    """Which part of a pod's log."""
    options = {"container": container} if container else {}
    if tail_lines is not None:
        options["tailLines"] = str(tail_lines)
    return options
