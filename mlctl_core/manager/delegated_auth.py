"""Who may read an endpoint: decided by the API server, as its own clients are.

Promises that nothing is let in but a bearer token that a TokenReview knows and a
SubjectAccessReview allows on the path; when the API server cannot be asked, nobody is. Answers
are kept for as long as Kubernetes' own delegating servers keep them, so a token that is revoked
and a right that is taken away work on for that long. Tokens are kept as digests only, and what
is kept has a bound, whoever asks.

Does not know client certificates, and nobody is let in anonymously.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
import structlog

from mlctl_core.client.errors import ClientError
from mlctl_core.clock import deadline
from mlctl_core.objects.json import Json
from mlctl_core.objects.kinds import Kind
from mlctl_core.reconcile.changes import digest

if TYPE_CHECKING:
    from mlctl_core.client.client import Client
    from mlctl_core.clock import Clock

TOKEN_REVIEW = Kind("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", namespaced=False)
SUBJECT_ACCESS_REVIEW = Kind(
    "authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False
)

# controller-runtime's metrics filter: who a token is, and what they may. A no is kept for less,
# since what was missing is often put right by somebody who waits.
TOKEN_SECONDS = 60.0
ALLOWED_SECONDS = 300.0
DENIED_SECONDS = 30.0
# Scrapers are few. What is more than this is somebody who tries tokens.
MEMORY = 256
# Questions under way at once: whoever tries tokens must not become the API server's burden.
MAX_REVIEWS = 4
# A scrape's own time-out is 10 s by default.
REVIEW_SECONDS = 8.0

_BEARER = "bearer"

V = TypeVar("V")
_log = structlog.get_logger()


class DelegatedAuth:
    """Asks the API server who somebody is and whether they may.

    Args:
        client: One without a guard: a standby is scraped like a leader.
        clock: What answers grow old by.
    """

    def __init__(self, client: Client, *, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._users: _Kept[Json | None] = _Kept(clock)
        self._verdicts: _Kept[bool] = _Kept(clock)
        self._reviews = asyncio.Semaphore(MAX_REVIEWS)

    async def refusal(self, authorization: str, verb: str, path: str) -> HTTPStatus | None:
        """Why a request is not let in: 401, 403, or 500 when that cannot be told; None lets in.

        Args:
            authorization: The header; empty when there is none.
            verb: The method in lower case, as RBAC has it for paths.
            path: A rule's nonResourceURL.
        """
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != _BEARER or not token:
            return HTTPStatus.UNAUTHORIZED
        try:
            async with deadline(self._clock, REVIEW_SECONDS), self._reviews:
                user = await self._user(token)
                if user is None:
                    return HTTPStatus.UNAUTHORIZED
                allowed = await self._allowed(user, verb, path)
        except (ClientError, TimeoutError, msgspec.DecodeError) as error:
            _log.warning("nobody let in", path=path, error=str(error) or type(error).__name__)
            return HTTPStatus.INTERNAL_SERVER_ERROR
        return None if allowed else HTTPStatus.FORBIDDEN

    async def _user(self, token: str) -> Json | None:
        key = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        if (kept := self._users.get(key)) is not None:
            return kept[0]
        status = await self._ask(TOKEN_REVIEW, {"token": token})
        user: Json | None = status.get("user") if status.get("authenticated") is True else None
        self._users.put(key, user, DENIED_SECONDS if user is None else TOKEN_SECONDS)
        return user

    async def _allowed(self, user: Json, verb: str, path: str) -> bool:
        spec: Json = {
            "user": user.get("username", ""),
            "nonResourceAttributes": {"verb": verb, "path": path},
        }
        spec |= {part: user[part] for part in ("uid", "groups", "extra") if user.get(part)}
        key = digest(spec).encode()
        if (kept := self._verdicts.get(key)) is not None:
            return kept[0]
        status = await self._ask(SUBJECT_ACCESS_REVIEW, spec)
        allowed = status.get("allowed") is True
        self._verdicts.put(key, allowed, ALLOWED_SECONDS if allowed else DENIED_SECONDS)
        return allowed

    async def _ask(self, kind: Kind, spec: Json) -> Json:
        body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {}, "spec": spec}
        answer = msgspec.json.decode(await self._client.create(kind, body), type=_Review)
        return answer.status


class _Review(msgspec.Struct):
    status: Json


class _Kept(Generic[V]):
    """Answers until they are too old; the oldest go first when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: OrderedDict[bytes, tuple[V, float]] = OrderedDict()

    def get(self, key: bytes) -> tuple[V] | None:
        """The answer, in a tuple since it may be None."""
        if (kept := self._answers.get(key)) is None:
            return None
        answer, until = kept
        return (answer,) if self._clock.monotonic() < until else None

    def put(self, key: bytes, answer: V, seconds: float) -> None:
        self._answers[key] = (answer, self._clock.monotonic() + seconds)
        self._answers.move_to_end(key)
        if len(self._answers) > MEMORY:
            self._answers.popitem(last=False)
