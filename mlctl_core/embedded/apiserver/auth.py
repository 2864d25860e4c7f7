"""Who is asking: client certificates and bearer tokens, mapped to users.

Promise: a request without credentials that mean something here is refused with 401. Tokens
are drawn from the operating system's randomness; what they stand for is kept in memory and
ends with the process. Does not promise authorisation: whoever is known may do everything.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import attrs

from mlctl_core.embedded.apiserver.errors import unauthorized

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from mlctl_core.clock import Clock

AUTHENTICATED = "system:authenticated"
_TOKEN_BYTES = 32


@attrs.frozen
class User:
    """Somebody the server knows."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


ADMIN = User("kubernetes-admin", ("system:masters", AUTHENTICATED))


class Authenticator:
    """Knows users by their credentials."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[str, tuple[User, float]] = {}

    def issue(self, user: User, seconds: float = float("inf")) -> str:
        """Make a bearer token for a user; it ends after that many seconds."""
        now = self._clock.monotonic()
        for token in [token for token, (_, end) in self._tokens.items() if end < now]:
            del self._tokens[token]
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._tokens[token] = (user, now + seconds)
        return token

    def user_of_token(self, token: str) -> User | None:
        """Look a bearer token up."""
        user, end = self._tokens.get(token, (None, 0.0))
        return user if end >= self._clock.monotonic() else None

    def user_of(self, request: web.BaseRequest) -> User:
        """Find out who sends a request.

        Raises:
            StatusError: 401, nobody that is known.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            user = self.user_of_token(token.strip())
            if user is None:
                raise unauthorized()
            return user
        transport = request.transport
        certificate = transport.get_extra_info("peercert") if transport is not None else None
        if not certificate:
            raise unauthorized()
        return _user_of_subject(certificate.get("subject", ()))


def _user_of_subject(subject: Iterable[Any]) -> User:
    """Read a certificate's subject: CN is the name, each O a group."""
    attributes = [pair for part in subject for pair in part]
    names = [value for name, value in attributes if name == "commonName"]
    groups = [value for name, value in attributes if name == "organizationName"]
    if not names:
        raise unauthorized()
    return User(names[0], (*groups, AUTHENTICATED))


def service_account_user(namespace: str, name: str, uid: str) -> User:
    """Give the user that a service account is."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(f"system:serviceaccount:{namespace}:{name}", groups, uid)
