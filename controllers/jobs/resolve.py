"""From the names in a job to what they mean: framework and size, pinned into its status.

A pin holds as long as the job names the same framework and size: what the platform team
edits or deletes reaches jobs that have not started, never one that has. Pure; the catalogue
is read from the view.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs
import msgspec

from apis.v1alpha1.framework import Framework, Images
from apis.v1alpha1.size import PodSize, Size
from apis.v1alpha1.status import Lineage, PinnedFramework, PinnedSize
from controllers.jobs.job import Refusal
from mlctl_core.objects.codec import encode
from mlctl_core.objects.quantities import format_quantity, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apis.v1alpha1.common import JobSpec
    from controllers.jobs.job import Job, JobKind, Role
    from mlctl_core.reconcile.view import View

_SUGGESTIONS = 3
_NO_FRAMEWORK = PinnedFramework(name="", type="Python", image="")
"""In the place of one that is still to be looked up."""


@attrs.frozen
class Pins:
    """The meaning of a job's names, fixed for as long as it names them."""

    framework: PinnedFramework
    size: PinnedSize
    role_sizes: Mapping[str, PinnedSize] = MappingProxyType({})
    """Sizes of roles that have one of their own."""
    warning: str = ""
    """Why the framework should not be used any more; empty when it may."""

    def size_of(self, role: Role) -> PinnedSize:
        """What each pod of the role gets."""
        return self.role_sizes.get(role.name, self.size)

    def image_of(self, role: Role) -> str:
        """The image of the role's pods: a size with GPUs needs the one that is made for them."""
        return _image(self.framework.images, self.size_of(role)) or self.framework.image


def resolve(job: Job, kind: JobKind, view: View) -> Pins | Refusal:
    """What the job's framework and sizes mean: its pins if they hold, else the catalogue."""
    size = _pinned(job.status.size, job.spec.size) or _find_size(job.spec.size, "spec.size", view)
    if isinstance(size, Refusal):
        return size
    own: dict[str, PinnedSize] = {}
    for role in kind.roles(job):
        if role.size == job.spec.size:
            continue
        known = _pinned(job.status.role_sizes.get(role.name), role.size)
        found = known or _find_size(role.size, role.size_field, view)
        if isinstance(found, Refusal):
            return found
        own[role.name] = found
    framework = job.status.framework
    # The size decides which image of the framework was pinned, so both pins must hold.
    if framework and framework.name == job.spec.framework and size is job.status.size:
        pins: Pins | Refusal = Pins(framework, size, own)
    else:
        pins = _find_framework(job, Pins(_NO_FRAMEWORK, size, own), kind, view)
    return pins if isinstance(pins, Refusal) else _packages(job.spec, pins.framework) or pins


def _packages(spec: JobSpec, framework: PinnedFramework) -> Refusal | None:
    """Why the job may not bring the dependencies that it has; None when it may."""
    read_only = framework.python is not None and framework.python.packages_read_only
    if not (read_only and spec.dependencies):
        return None
    return Refusal(
        "DependenciesForbidden",
        f"spec.dependencies: the packages of spec.framework {framework.name} are read-only: remove "
        "dependencies, or choose another framework.",
    )


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


def resources_of_all(roles: Iterable[Role], pins: Pins) -> dict[str, str]:
    """What all pods of a job together hold, by resource name."""
    sums: dict[str, Decimal] = {}
    spelling: dict[str, str] = {}
    for role in roles:
        pods = role.replicas + role.made_by_program
        for name, amount in resources_of(pins.size_of(role)).items():
            spelling.setdefault(name, amount)
            sums[name] = sums.get(name, Decimal(0)) + pods * parse_quantity(amount)
    return {name: format_quantity(total, like=spelling[name]) for name, total in sums.items()}


def _pinned(pinned: PinnedSize | None, name: str) -> PinnedSize | None:
    return pinned if pinned and pinned.name == name else None


def _find_size(name: str, field: str, view: View) -> PinnedSize | Refusal:
    size = view.get(Size, name, "")
    if size is None:
        known = (known.name for known in view.list(Size, ""))
        return Refusal("SizeNotFound", _not_found(field, "Size", name, known))
    shared = {field.name: getattr(size.spec, field.name) for field in attrs.fields(PodSize)}
    return PinnedSize(name=name, hash=_digest(encode(size.spec)), **shared)


def _find_framework(job: Job, sizes: Pins, kind: JobKind, view: View) -> Pins | Refusal:
    name = job.spec.framework
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
    for field, size in (("spec.size", sizes.size), *_fields_of_roles(job, sizes, kind)):
        if _image(spec.images, size) is None:
            return Refusal(
                "FrameworkUnsuitable",
                f"spec.framework {name} has no image for GPUs, and {field} {size.name} has a GPU: "
                "choose a size without one, or another framework.",
            )
    image = _image(spec.images, sizes.size) or spec.images.cpu
    pinned = PinnedFramework(
        name=name,
        type=spec.type,
        image=image,
        images=spec.images,
        digest=image.partition("@")[2] or None,
        hash=_digest(encode(spec)),
        command=spec.command,
        env=spec.env,
        driver_version=spec.driver_version,
        tensorflow=spec.tensorflow,
        python=spec.python,
        spark=spec.spark,
    )
    return attrs.evolve(sizes, framework=pinned, warning=_deprecation(framework))


def _fields_of_roles(job: Job, sizes: Pins, kind: JobKind) -> Iterable[tuple[str, PinnedSize]]:
    for role in kind.roles(job):
        if role.name in sizes.role_sizes:
            yield role.size_field, sizes.role_sizes[role.name]


def _image(images: Images | None, size: PinnedSize) -> str | None:
    if images is None:
        return None
    return images.gpu if size.gpu else images.cpu


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
