"""What a controller may do at the API server, derived from what it declares.

Promises that the rights are as few as the declaration allows: what is cached is listed and
watched, what is owned is created, read and patched, the planned object's status is patched;
whatever else is used must be named by a `Use`, and a plan that uses what is not named is
refused before anything is sent, in a test as on a cluster. Pure, like the declarations.

Does not look into ``observe`` and low-level reconcilers, which have a client in hand: what
they use and do not name is refused by the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from mlctl_core.objects.kinds import Kind, kind_of
from mlctl_core.reconcile.changes import PlanError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from mlctl_core.reconcile.plan import Plan

VERBS = (
    *("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
    *("bind", "escalate", "impersonate", "use"),
)
"""RBAC's verbs, in the order in which people write them. There is no ``*`` here."""


def _verbs(verbs: str | Iterable[str]) -> tuple[str, ...]:
    return (verbs,) if isinstance(verbs, str) else tuple(verbs)


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@attrs.frozen
class Use:
    """Verbs that a controller uses on a kind besides those that its other declarations imply.

    ``Use(POD, "delete")`` for plans that delete pods, ``Use(POD, "get", subresource="log")``
    for an ``observe`` that reads logs.
    """

    kind: Kind = attrs.field(converter=kind_of)
    verbs: tuple[str, ...] = attrs.field(converter=_verbs)
    """Of `VERBS`; one may be given by itself."""
    subresource: str = attrs.field(default="", kw_only=True)
    names: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=_names)
    """Only the objects of these names; empty is all. The server knows no name yet at a create
    and never one at a list or a watch, so those cannot be limited."""

    @verbs.validator
    def _known(self, _attribute: object, verbs: tuple[str, ...]) -> None:
        if unknown := [verb for verb in verbs if verb not in VERBS]:
            raise ValueError(f"{unknown[0]!r} is no verb; there are {', '.join(VERBS)}")

    @property
    def rights(self) -> frozenset[Right]:
        """The same, one by one."""
        return frozenset(
            Right(self.kind, verb, self.subresource, name)
            for verb in self.verbs
            for name in self.names or ("",)
        )


@attrs.frozen
class Right:
    """One verb on one kind."""

    kind: Kind
    verb: str
    subresource: str = ""
    name: str = ""
    """Only on the object of this name; empty is any."""

    def __str__(self) -> str:
        of = f"{self.kind}/{self.subresource}" if self.subresource else str(self.kind)
        return f"{self.verb} {of} {self.name}".rstrip()


class UndeclaredUseError(PlanError):
    """A plan does what its planner did not declare; nothing was written."""

    def __init__(self, right: Right) -> None:
        subresource = f", subresource={right.subresource!r}" if right.subresource else ""
        super().__init__(
            f"the plan would {right}: the planner does not declare "
            f"Use({str(right.kind)!r}, {right.verb!r}{subresource})"
        )
        self.right = right


def cached(kinds: Iterable[Kind]) -> frozenset[Right]:
    """What an informer does."""
    return frozenset(Right(kind, verb) for kind in kinds for verb in ("list", "watch"))


def owned(owner: Kind, kinds: Collection[Kind]) -> frozenset[Right]:
    """What applying children of these kinds does.

    A get is how the writer tells its own object, whose creation was not answered, from a
    stranger's. The right on the owner's finalizers is what blockOwnerDeletion asks for where
    the admission plugin OwnerReferencesPermissionEnforcement is on.
    """
    rights = {Right(kind, verb) for kind in kinds for verb in ("get", "create", "patch")}
    if kinds:
        rights.add(Right(owner, "update", "finalizers"))
    return frozenset(rights)


def refuse_undeclared(
    owner: Kind, owns: Iterable[Kind], rights: Collection[Right], plan: Plan
) -> None:
    """Check a plan against what its planner declared, whether or not it would change anything.

    Raises:
        PlanError: the plan applies a kind that is not owned.
        UndeclaredUseError: it patches or deletes without the right to.
    """
    applied = {str(kind) for kind in owns}
    for body in plan.apply:
        if (name := f"{body.get('apiVersion')}/{body.get('kind')}") not in applied:
            raise PlanError(f"the plan applies a {name}: name it in the planner's owns")
    for right in _used(owner, plan):
        if right not in rights and attrs.evolve(right, name="") not in rights:
            raise UndeclaredUseError(right)


def _used(owner: Kind, plan: Plan) -> Iterator[Right]:
    for patch in plan.patch:
        yield Right(patch.kind, "patch", patch.subresource, patch.name)
    for delete in plan.delete:
        yield Right(delete.kind, "delete", name=delete.name)
    if plan.status is not None:
        yield Right(owner, "patch", "status")
