"""From the names in a job to what they mean: framework and size, pinned into its status.

A pin holds as long as the job names the same framework and size: what the platform team
edits or deletes reaches jobs that have not started, never one that has. Pure; the catalogue
is read from the view.
"""

from __future__ import annotations

import hashlib
from difflib import get_close_matches
from typing import TYPE_CHECKING

import attrs
import msgspec

from apis.v1alpha1.framework import Framework
from apis.v1alpha1.size import PodSize, Size
from apis.v1alpha1.status import Lineage, PinnedFramework, PinnedSize
from controllers.jobs.job import Refusal
from mlctl_core.objects.codec import encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apis.v1alpha1.common import JobSpec
    from controllers.jobs.job import Job, JobKind
    from mlctl_core.reconcile.view import View

_SUGGESTIONS = 3


@attrs.frozen
class Pins:
    """The meaning of a job's names, fixed for as long as it names them."""

    framework: PinnedFramework
    size: PinnedSize
    warning: str = ""
    """Why the framework should not be used any more; empty when it may."""


def resolve(job: Job, kind: JobKind, view: View) -> Pins | Refusal:
    """What the job's framework and size mean: its pins if they hold, else the catalogue."""
    size = _pinned_size(job) or _find_size(job.spec.size, view)
    if isinstance(size, Refusal):
        return size
    framework, pinned_size = job.status.framework, job.status.size
    # The size decides which image of the framework was pinned, so both pins must hold.
    if framework and framework.name == job.spec.framework and size is pinned_size:
        return Pins(framework, size)
    return _find_framework(job.spec.framework, size, kind, view)


def lineage(spec: JobSpec) -> Lineage:
    """What the result of a run is made from, as far as the job says it itself."""
    inline = spec.source.inline if spec.source else {}
    return Lineage(
        code_hash=_digest(dict(sorted(inline.items()))) if inline else None,
        dependencies_hash=_digest(spec.dependencies) if spec.dependencies else None,
    )


def resources_of(size: PodSize) -> dict[str, str]:
    """What a pod of the size holds, by resource name."""
    amounts = {
        "cpu": size.cpu,
        "memory": size.memory,
        "ephemeral-storage": size.ephemeral_storage,
        size.gpu.resource if size.gpu else "": size.gpu.count if size.gpu else None,
    }
    return {name: str(amount) for name, amount in amounts.items() if amount is not None}


def _pinned_size(job: Job) -> PinnedSize | None:
    pinned = job.status.size
    return pinned if pinned and pinned.name == job.spec.size else None


def _find_size(name: str, view: View) -> PinnedSize | Refusal:
    size = view.get(Size, name, "")
    if size is None:
        known = (known.name for known in view.list(Size, ""))
        return Refusal("SizeNotFound", _not_found("spec.size", "Size", name, known))
    shared = {field.name: getattr(size.spec, field.name) for field in attrs.fields(PodSize)}
    return PinnedSize(name=name, hash=_digest(encode(size.spec)), **shared)


def _find_framework(name: str, size: PinnedSize, kind: JobKind, view: View) -> Pins | Refusal:
    framework = view.get(Framework, name, "")
    if framework is None:
        known = (known.name for known in view.list(Framework, "") if not known.spec.hidden)
        return Refusal("FrameworkNotFound", _not_found("spec.framework", "Framework", name, known))
    spec = framework.spec
    if spec.type not in kind.frameworks:
        fits = ", ".join(sorted(kind.frameworks))
        return Refusal(
            "FrameworkUnsuitable",
            f"spec.framework {name} is of type {spec.type}, which a {kind.kind.name} cannot run: "
            f"choose one of type {fits}.",
        )
    image = spec.images.gpu if size.gpu else spec.images.cpu
    if image is None:
        return Refusal(
            "FrameworkUnsuitable",
            f"spec.framework {name} has no image for GPUs, and spec.size {size.name} has a GPU: "
            "choose a size without one, or another framework.",
        )
    pinned = PinnedFramework(
        name=name,
        type=spec.type,
        image=image,
        digest=image.partition("@")[2] or None,
        hash=_digest(encode(spec)),
        command=spec.command,
        env=spec.env,
    )
    return Pins(pinned, size, _deprecation(framework))


def _deprecation(framework: Framework) -> str:
    deprecated = framework.spec.deprecated
    if deprecated is None:
        return ""
    instead = f" Use {deprecated.redirect} instead." if deprecated.redirect else ""
    return f"spec.framework {framework.name} is deprecated: {deprecated.message}{instead}"


def _not_found(field: str, kind: str, name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = get_close_matches(name, names, n=_SUGGESTIONS)
    if close:
        hint = f"Did you mean {' or '.join(close)}?"
    elif names:
        hint = f"Choose one that exists: kubectl get {kind.lower()}s."
    else:
        hint = "The catalogue is empty: apply manifests/catalogue."
    return f"{field}: there is no {kind} named {name}. {hint}"


def _digest(value: object) -> str:
    """A stable hash of plain data; 16 hex digits tell versions apart in a status."""
    return f"sha256:{hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:16]}"
