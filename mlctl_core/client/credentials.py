"""What a request carries to be let in, kept fresh.

Promises that a token which was rotated on disk is used within `REREAD_SECONDS`, that one with
an expiry is renewed before it, that after a refusal (401) the source is asked again, and that
only one such look-up is under way at a time. When a look-up fails and the last answer has not
been refused, the last answer goes on being used.

Does not promise that a secret is gone from memory after use.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import attrs
import structlog

from mlctl_core.clock import Clock, deadline

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Access", "Credentials", "RefreshedCredentials", "StaticCredentials"]

# client-go reads token files again each minute; a kubelet rotates them at 80 % of their life.
REREAD_SECONDS = 60.0

# An answer with an expiry is renewed this much before it: the request has to get there, and
# clocks differ. client-go takes 10 s for token files.
EXPIRY_LEEWAY = timedelta(seconds=10)

# A plugin may send its user to a browser; one that takes longer has been forgotten about.
LOOK_UP_SECONDS = 120.0

_log = structlog.get_logger(__name__)


@attrs.frozen
class Access:
    """What a request carries."""

    authorization: str | None = attrs.field(default=None, repr=False)
    """The Authorization header, if any."""

    tls: ssl.SSLContext | None = None
    """For https; None for plain http and for the system's defaults."""

    expires: datetime | None = None
    """When it is of no more use, as far as the source said."""

    reread: bool = True
    """Whether the source is worth asking again each `REREAD_SECONDS` (files are; a plugin,
    which may ask its user for a password, is asked when its answer expires or is refused)."""


class Credentials(Protocol):
    """Where a client gets its `Access`."""

    async def access(self) -> Access:
        """What the next request shall carry.

        Raises:
            ConfigError: the source has no answer.
        """

    def refused(self, access: Access) -> None:
        """Say that the server refused what `access` gave."""


class StaticCredentials:
    """An `Access` that never changes."""

    def __init__(self, access: Access | None = None) -> None:
        self._access = access if access is not None else Access()

    async def access(self) -> Access:
        """See `Credentials.access`."""
        return self._access

    def refused(self, access: Access) -> None:
        """See `Credentials.refused`; there is nothing else to try."""


class RefreshedCredentials:
    """Asks ``look_up`` at the first use and whenever its last answer has become doubtful.

    Args:
        look_up: reads files, runs a plugin; raises `ConfigError`.
        clock: what expiry is measured by.
    """

    def __init__(self, look_up: Callable[[], Awaitable[Access]], clock: Clock) -> None:
        self._look_up = look_up
        self._clock = clock
        self._lock = asyncio.Lock()
        self._last: Access | None = None
        self._looked_up_at = 0.0
        self._was_refused = False

    async def access(self) -> Access:
        """See `Credentials.access`."""
        if (last := self._usable()) is not None:
            return last
        async with self._lock:
            if (last := self._usable()) is not None:
                return last
            return await self._renew()

    def refused(self, access: Access) -> None:
        """See `Credentials.refused`; refusals of an answer that was replaced since are old news."""
        if access is self._last:
            self._was_refused = True

    def _usable(self) -> Access | None:
        last = self._last
        if last is None or self._was_refused:
            return None
        if last.expires is not None and self._clock.now() >= last.expires - EXPIRY_LEEWAY:
            return None
        if last.reread and self._clock.monotonic() - self._looked_up_at >= REREAD_SECONDS:
            return None
        return last

    async def _renew(self) -> Access:
        last = self._last
        try:
            async with deadline(self._clock, LOOK_UP_SECONDS):
                access = await self._look_up()
        except Exception as error:
            if last is None or self._was_refused:
                raise
            _log.warning("credentials cannot be read again, the old ones stay", error=str(error))
            access = last
        self._last = access
        self._looked_up_at = self._clock.monotonic()
        self._was_refused = False
        return access
