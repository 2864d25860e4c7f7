"""What a real kube-apiserver answered: tables that the tests compare with."""

from __future__ import annotations

import copy
from pathlib import Path

import yaml

from mlctl_core.embedded.apiserver.builtin import builtin_resources
from mlctl_core.embedded.apiserver.decoding import DecodeError
from mlctl_core.embedded.apiserver.field_errors import summary
from mlctl_core.embedded.apiserver.resources import Resource, Subresource
from mlctl_core.embedded.apiserver.strategy import strategy_for

FOLDER = Path(__file__).parent / "recorded"
BUILTIN = {(resource.api_version, resource.kind): resource for resource in builtin_resources()}


class _Loader(yaml.CSafeLoader):
    """Times stay the texts they are in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def load(name):
    return yaml.load((FOLDER / f"{name}.yaml").read_text(), _Loader)


def custom_resource(schema, kind="Thing", *, status=False):
    return Resource(
        group="schemas.example.com",
        version="v1",
        kind=kind,
        plural=f"{kind.lower()}s",
        singular=kind.lower(),
        namespaced=True,
        custom=True,
        schema=lambda: schema,
        subresources={"status": Subresource("status", kind)} if status else {},
    )


def custom_object(**fields):
    return {
        "apiVersion": "schemas.example.com/v1",
        "kind": "Thing",
        "metadata": {"name": "x", "namespace": "schemas"},
        **copy.deepcopy(fields),
    }


def refusal(api_version, kind, given):
    """What creating a built-in object is answered with; None when it is accepted."""
    resource = BUILTIN[api_version, kind]
    strategy = strategy_for(resource)
    obj = {**copy.deepcopy(given), "apiVersion": api_version, "kind": kind}
    obj["metadata"] = {"name": "vv", **obj.get("metadata", {})}
    if resource.namespaced:
        obj["metadata"]["namespace"] = "schemas"
    try:
        strategy.decode(obj)
    except DecodeError as error:
        version = resource.version
        return f'{kind} in version "{version}" cannot be handled as a {kind}: {error.message}'
    strategy.default(obj)
    errors = strategy.validate_create(obj)
    return summary(errors) if errors else None


def parts(text):
    """The errors in a message, in any order: a real server's order varies with its maps."""
    if text and text.startswith("[") and text.endswith("]"):
        return sorted(text[1:-1].split(", "))
    return [text]
