"""One request with what has been found out about it, and the making of its response."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from aiohttp import web

from mlctl_core.embedded.apiserver import field_errors
from mlctl_core.embedded.apiserver.auth import User
from mlctl_core.embedded.apiserver.bodies import (
    YAML_LINE,
    media_type,
    parse_object,
    read_body,
    yaml_problems,
)
from mlctl_core.embedded.apiserver.cluster import Cluster
from mlctl_core.embedded.apiserver.decoding import DecodeError
from mlctl_core.embedded.apiserver.errors import StatusError, bad_request, invalid
from mlctl_core.embedded.apiserver.negotiation import JSON_TYPE, choose_form
from mlctl_core.embedded.apiserver.options import write_options
from mlctl_core.embedded.apiserver.records import encode
from mlctl_core.embedded.apiserver.rendering import render_object
from mlctl_core.embedded.apiserver.resources import Resource
from mlctl_core.embedded.apiserver.routes import Target
from mlctl_core.embedded.apiserver.warning_headers import warning_headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlctl_core.embedded.apiserver.negotiation import Form
    from mlctl_core.embedded.apiserver.options import WriteOptions
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.objects.json import Json

_OPTIONS_KIND = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions"}
_MOST_PROBLEMS = 100
"""Unknown and doubled fields of one request that are told, as upstream's decoder stops there."""


@attrs.define
class Exchange:
    """A request for a resource."""

    cluster: Cluster
    request: web.BaseRequest
    target: Target
    resource: Resource
    user: User
    warnings: list[str] = attrs.field(factory=list)

    @property
    def query(self) -> Mapping[str, str]:
        """The query string's parameters."""
        return self.request.query

    def form(self) -> Form:
        """Give the form the client accepts.

        Raises:
            StatusError: 406.
        """
        return choose_form(self.request.headers.get("Accept", ""))

    def options(self) -> WriteOptions:
        """Read the options of a write.

        Raises:
            StatusError: 422.
        """
        agent = self.request.headers.get("User-Agent", "").partition("/")[0]
        kind = _OPTIONS_KIND[self.request.method]
        options = write_options(self.query, kind, default_manager=agent or "unknown")
        return attrs.evolve(options, warnings=self.warnings)

    async def body(self) -> bytes:
        """Read the body.

        Raises:
            StatusError: 413.
        """
        return await read_body(self.request)

    async def object(self, options: WriteOptions) -> Json:
        """Read an object of the resource's kind from the body, without unknown fields.

        Raises:
            StatusError: 400, 413, 415.
        """
        raw = await self.body()
        obj, problems = parse_object(raw, media_type(self.request), self.resource.kind)
        self.decode(obj, options, problems)
        return obj

    def decode(
        self, obj: Json, options: WriteOptions, problems: Sequence[str] = (), patch: str = ""
    ) -> None:
        """Cut out what the schema does not know, and say so as the client asked to hear it.

        `patch` is what a refusal shows of a patch; by default the object that came out of it.

        Raises:
            StatusError: a value of the wrong type, or unknown fields in a strict request; 400,
                or 422 when the object came out of a patch.
        """
        whole = patch.encode() or (encode(obj) if self.request.method == "PATCH" else b"")
        try:
            found = [*self.cluster.strategy(self.resource).decode(obj), *problems]
            del found[_MOST_PROBLEMS:]
        except DecodeError as error:
            raise self._undecodable(str(error), whole) from None
        if not found or options.field_validation == "Ignore":
            return
        if options.field_validation == "Strict":
            raise self._undecodable(f"strict decoding error: {_joined(found)}", whole)
        self.warnings.extend(found)

    def _undecodable(self, why: str, patched: bytes) -> StatusError:
        kind, version = self.resource.kind, self.resource.version
        if patched:
            error = field_errors.invalid("patch", patched.decode(), why)
            return invalid("", "", "", [error])
        return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: {why}')

    def answer(self, record: Record, code: int = 200) -> web.Response:
        """Answer with an object in the form the client accepts."""
        include = self.query.get("includeObject", "")
        body = render_object(self.cluster, self.resource, record, self.form(), include)
        return json_response(body, code, self.warnings)


def _joined(problems: list[str]) -> str:
    """Say several problems in one sentence; a parser of YAML tells its own under a heading."""
    lines = [problem for problem in problems if problem.startswith(YAML_LINE)]
    others = [problem for problem in problems if not problem.startswith(YAML_LINE)]
    return ", ".join([*([yaml_problems(lines)] if lines else []), *others])


def json_response(body: bytes, code: int = 200, warnings: Sequence[str] = ()) -> web.Response:
    """Answer with JSON; warnings become headers."""
    response = web.Response(body=body, status=code, content_type=JSON_TYPE)
    for header in warning_headers(warnings):
        response.headers.add("Warning", header)
    return response


def error_response(error: StatusError, warnings: Sequence[str] = ()) -> web.Response:
    """Answer with a Status."""
    response = json_response(encode(error.to_json()), error.code, warnings)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def success(
    details: Json | None = None, code: int = 200, warnings: Sequence[str] = ()
) -> web.Response:
    """Answer that it is done."""
    status: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is not None:
        status["details"] = details
    else:
        status["code"] = code
    return json_response(encode(status), code, warnings)
