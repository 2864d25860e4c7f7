"""Answers to questions that are posted and not stored: who am I, may I.

Everybody who is known may do everything here, so the answer to the second one is yes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.errors import bad_request, invalid
from mlctl_core.embedded.apiserver.exchange import json_response
from mlctl_core.embedded.apiserver.records import encode

if TYPE_CHECKING:
    from aiohttp import web

    from mlctl_core.embedded.apiserver.auth import Authenticator, User
    from mlctl_core.embedded.apiserver.exchange import Exchange
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

_GROUPS = ("authorization.k8s.io", "authentication.k8s.io")


def is_review(resource: Resource) -> bool:
    """Whether objects of the resource are answered and not stored."""
    return resource.group in _GROUPS


async def serve_review(exchange: Exchange, authenticator: Authenticator) -> web.StreamResponse:
    """Answer a review.

    Raises:
        StatusError: 400, 413, 415.
    """
    review = await exchange.object(exchange.options())
    resource = exchange.resource
    review.update(kind=resource.kind, apiVersion=resource.api_version)
    review.setdefault("metadata", {})
    review["status"] = _status(resource.kind, review, exchange, authenticator)
    return json_response(encode(review), 201)


def _status(kind: str, review: Json, exchange: Exchange, authenticator: Authenticator) -> Json:
    match kind:
        case "SelfSubjectReview":
            review["metadata"]["creationTimestamp"] = exchange.cluster.now()
            return {"userInfo": _user_info(exchange.user)}
        case "TokenReview":
            token = (review.get("spec") or {}).get("token")
            if not token:
                raise bad_request("token is required for TokenReview in authentication")
            user = authenticator.user_of_token(token)
            if user is None:
                return {"user": {}, "error": "invalid bearer token"}
            return {"authenticated": True, "user": _user_info(user)}
        case "SelfSubjectRulesReview":
            everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            urls = {"verbs": ["*"], "nonResourceURLs": ["*"]}
            return {
                "resourceRules": [everything],
                "nonResourceRules": [urls],
                "incomplete": False,
            }
    spec = review.get("spec") or {}
    if ("resourceAttributes" in spec) == ("nonResourceAttributes" in spec):
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        error = field_errors.invalid("spec", None, why)
        raise invalid(exchange.resource.group, "", "", [error])
    return {"allowed": True}


def _user_info(user: User) -> Json:
    info: Json = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    return info
