"""serviceaccounts/token: bearer tokens for pods and for `kubectl create token`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.auth import service_account_user
from mlctl_core.embedded.apiserver.bodies import media_type, parse_object
from mlctl_core.embedded.apiserver.errors import invalid
from mlctl_core.embedded.apiserver.exchange import json_response
from mlctl_core.embedded.apiserver.records import encode
from mlctl_core.objects.times import format_time

if TYPE_CHECKING:
    from aiohttp import web

    from mlctl_core.embedded.apiserver.auth import Authenticator
    from mlctl_core.embedded.apiserver.exchange import Exchange
    from mlctl_core.objects.json import Json

DEFAULT_SECONDS = 3600
SHORTEST_SECONDS = 600
"""Upstream refuses shorter ones."""

LONGEST_SECONDS = 2**32
_GROUP = "authentication.k8s.io"


async def serve_token(exchange: Exchange, authenticator: Authenticator) -> web.StreamResponse:
    """Answer a TokenRequest.

    Raises:
        StatusError: 404, no such service account; 422, a lifetime that is not allowed.
    """
    target = exchange.target
    raw = await exchange.body()
    request, _ = parse_object(raw, media_type(exchange.request), "TokenRequest")
    account = exchange.cluster.get(exchange.resource, target.namespace, target.name)
    spec: Json = request.get("spec") or {}
    seconds = spec.get("expirationSeconds") or DEFAULT_SECONDS
    _check_lifetime(seconds)
    user = service_account_user(target.namespace, target.name, account.uid)
    token = authenticator.issue(user, seconds)
    now = exchange.cluster.clock.now()
    answer: Json = {
        "kind": "TokenRequest",
        "apiVersion": f"{_GROUP}/v1",
        "metadata": {
            "name": target.name,
            "namespace": target.namespace,
            "creationTimestamp": format_time(now),
        },
        "spec": {**spec, "expirationSeconds": seconds},
        "status": {
            "token": token,
            "expirationTimestamp": format_time(now + timedelta(seconds=seconds)),
        },
    }
    return json_response(encode(answer), 201)


def _check_lifetime(seconds: object) -> None:
    path = "spec.expirationSeconds"
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < SHORTEST_SECONDS:
        detail = "may not specify a duration less than 10 minutes"
    elif seconds > LONGEST_SECONDS:
        detail = "may not specify a duration larger than 2^32 seconds"
    else:
        return
    raise invalid(_GROUP, "TokenRequest", "", [field_errors.invalid(path, seconds, detail)])
