from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

import attrs
import pytest

from mlctl_core.objects.crd import SchemaError, crd
from mlctl_core.objects.kinds import Kind, kind_of
from mlctl_core.objects.metadata import Metadata
from mlctl_core.objects.resource import Column, Rule, Schema, resource, rules

Host = Annotated[str, Schema(max_length=253, pattern="^[a-z.]+$")]


class Scheme(enum.Enum):
    HTTP = "http"
    HTTPS = "https"


@rules(Rule("self.low <= self.high", "low is above high", field_path=".low"))
@attrs.frozen(kw_only=True)
class Range:
    """From low to high."""

    low: Annotated[int, Schema(minimum=0, maximum=9)]
    """The lower end."""
    high: Annotated[int, Schema(minimum=0, maximum=9, format="int32")] = 9
    """The upper
    end.

    Included.
    """


@attrs.frozen(kw_only=True)
class Base:
    """What sites have in common."""

    host: Host
    """Where it is."""
    note: Annotated[str, Schema(max_length=9)] = ""
    """For people."""


@attrs.frozen(kw_only=True)
class WebsiteSpec(Base):
    """What is served."""

    host: Annotated[Host, Schema(max_length=63, rules=(Rule("self != 'x'", "not x"),))]
    replicas: Annotated[int, Schema(minimum=0, maximum=9)] = 1
    """How many."""
    enabled: bool = False
    """Whether it is on."""
    mode: Literal["fast", "safe"] = "safe"
    """How it is served."""
    scheme: Scheme | None = None
    """The protocol."""
    weight: Annotated[float | None, Schema(minimum=0, maximum=1)] = None
    """Share of the traffic."""
    memory: Annotated[
        int | str | None, Schema(int_or_string=True, max_length=9, minimum=1, maximum=9)
    ] = None
    """What it may use."""
    ports: Annotated[
        tuple[Range, ...], Schema(max_items=3, list_type="map", list_map_keys=("low",))
    ] = ()
    """Where it listens."""
    tags: Annotated[Mapping[str, Host | None], Schema(max_properties=4)] = MappingProxyType({})
    """What else it is called."""
    as_: Annotated[str, Schema(name="as", enum=("a", "b"))] = ""
    """Under which name."""


@attrs.frozen(kw_only=True)
class WebsiteStatus:
    """How it is."""

    ready: bool = False
    """Whether it answers."""


@resource(
    group="example.org",
    version="v1",
    plural="websites",
    short_names=("ws",),
    columns=(
        Column("Ready", "boolean", ".status.ready", "Whether it answers"),
        Column("Mode", "string", ".spec.mode", "How it is served", 1),
    ),
    rules=(Rule("size(self.metadata.name) < 9", "too long", message_expression="'x'"),),
)
@attrs.frozen(kw_only=True)
class Website:
    """A site.

    Served from
    one image.
    """

    metadata: Metadata
    spec: WebsiteSpec
    """What is wanted."""
    status: WebsiteStatus = WebsiteStatus()
    """What is there."""


def root(cls=Website):
    return crd(cls)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def spec_of(cls=Website):
    return root(cls)["properties"]["spec"]["properties"]


def test_the_definition_names_the_kind_and_how_to_call_it():
    definition = crd(Website)
    assert definition["metadata"] == {"name": "websites.example.org"}
    assert definition["spec"]["group"] == "example.org"
    assert definition["spec"]["scope"] == "Namespaced"
    assert definition["spec"]["names"] == {
        "plural": "websites",
        "singular": "website",
        "kind": "Website",
        "listKind": "WebsiteList",
        "shortNames": ["ws"],
        "categories": ["ml"],
    }
    assert kind_of(Website) == Kind("example.org", "v1", "Website", "websites")


def test_the_version_has_status_and_columns():
    (version,) = crd(Website)["spec"]["versions"]
    assert (version["name"], version["served"], version["storage"]) == ("v1", True, True)
    assert version["subresources"] == {"status": {}}
    assert version["additionalPrinterColumns"] == [
        {
            "name": "Ready",
            "type": "boolean",
            "jsonPath": ".status.ready",
            "description": "Whether it answers",
        },
        {
            "name": "Mode",
            "type": "string",
            "jsonPath": ".spec.mode",
            "description": "How it is served",
            "priority": 1,
        },
    ]


def test_the_root_describes_the_kind_and_leaves_metadata_to_the_server():
    schema = root()
    assert schema["description"] == "A site.\n\nServed from one image."
    assert schema["required"] == ["spec"]
    assert schema["properties"]["metadata"] == {
        "type": "object",
        "properties": {"name": {"type": "string"}},
    }
    assert schema["x-kubernetes-validations"] == [
        {
            "rule": "size(self.metadata.name) < 9",
            "message": "too long",
            "reason": "FieldValueInvalid",
            "messageExpression": "'x'",
        }
    ]


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        ("replicas", {"type": "integer", "minimum": 0, "maximum": 9, "default": 1}),
        ("enabled", {"type": "boolean", "default": False}),
        ("mode", {"type": "string", "enum": ["fast", "safe"], "default": "safe"}),
        ("scheme", {"type": "string", "enum": ["http", "https"]}),
        ("weight", {"type": "number", "minimum": 0, "maximum": 1}),
        ("as", {"type": "string", "enum": ["a", "b"]}),
        (
            "memory",
            {
                "anyOf": [{"type": "integer"}, {"type": "string"}],
                "x-kubernetes-int-or-string": True,
                "maxLength": 9,
                "minimum": 1,
                "maximum": 9,
            },
        ),
        (
            "tags",
            {
                "type": "object",
                "additionalProperties": {
                    "type": "string",
                    "pattern": "^[a-z.]+$",
                    "maxLength": 253,
                },
                "maxProperties": 4,
            },
        ),
    ],
)
def test_a_type_and_its_bounds_become_a_schema(field, schema):
    found = spec_of()[field]
    assert found.pop("description")
    assert found == schema


def test_a_list_of_objects_carries_the_objects_schema_and_rules():
    found = spec_of()["ports"]
    assert found["x-kubernetes-list-type"] == "map"
    assert found["x-kubernetes-list-map-keys"] == ["low"]
    assert found["maxItems"] == 3
    assert found["items"]["required"] == ["low"]
    assert found["items"]["properties"]["high"]["description"] == "The upper end.\n\nIncluded."
    assert found["items"]["x-kubernetes-validations"] == [
        {
            "rule": "self.low <= self.high",
            "message": "low is above high",
            "reason": "FieldValueInvalid",
            "fieldPath": ".low",
        }
    ]


def test_what_is_said_later_wins_and_rules_add_up():
    host = spec_of()["host"]
    assert (host["maxLength"], host["pattern"]) == (63, "^[a-z.]+$")
    assert [rule["rule"] for rule in host["x-kubernetes-validations"]] == ["self != 'x'"]


def test_a_field_declared_again_keeps_its_description():
    assert spec_of()["host"]["description"] == "Where it is."
    assert spec_of()["note"]["description"] == "For people."


def test_the_same_class_gives_the_same_definition():
    assert repr(crd(Website)) == repr(crd(Website))


def declared(spec):
    @resource(group="example.org", version="v1", plural="things")
    @attrs.frozen(kw_only=True)
    class Thing:
        """A thing."""

        metadata: Metadata
        spec: object
        """What is wanted."""

    # Resolved in this module, where the class of the spec is not.
    Thing.__annotations__["spec"] = spec
    return Thing


@attrs.frozen
class NoDescription:
    """A."""

    field: bool


@attrs.frozen
class NoLength:
    """A."""

    field: str
    """B."""


@attrs.frozen
class NoMaximum:
    """A."""

    field: Annotated[int, Schema(minimum=1)]
    """B."""


@attrs.frozen
class NoItems:
    """A."""

    field: tuple[Host, ...]
    """B."""


@attrs.frozen
class ItemsWithoutLength:
    """A."""

    field: Annotated[tuple[str, ...], Schema(max_items=3)]
    """B."""


@attrs.frozen
class NoProperties:
    """A."""

    field: Mapping[str, Host]
    """B."""


@attrs.frozen
class ValuesWithoutLength:
    """A."""

    field: Annotated[Mapping[str, str], Schema(max_properties=3)]
    """B."""


@attrs.frozen
class Union:
    """A."""

    field: Annotated[int | str, Schema(max_length=3, minimum=1, maximum=3)]
    """B."""


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (NoDescription, r"Thing\.spec\.field has no description"),
        (NoLength, r"Thing\.spec\.field has no bound: say one of max_length"),
        (NoMaximum, r"Thing\.spec\.field has no bound: say minimum and maximum"),
        (NoItems, r"Thing\.spec\.field has no bound: say max_items"),
        (ItemsWithoutLength, r"Thing\.spec\.field\[\] has no bound"),
        (NoProperties, r"Thing\.spec\.field has no bound: say max_properties"),
        (ValuesWithoutLength, r"Thing\.spec\.field\{\} has no bound"),
        (Union, r"Thing\.spec\.field: .* is no type that a schema can say"),
    ],
)
def test_a_field_that_is_left_open_is_refused_by_name(spec, message):
    with pytest.raises(SchemaError, match=message):
        crd(declared(spec))


def test_only_whole_api_objects_are_resources():
    declare = resource(group="example.org", version="v1", plural="things")
    with pytest.raises(TypeError, match=r"above @attrs\.frozen"):
        declare(type("Plain", (), {}))
    with pytest.raises(TypeError, match="metadata, spec and perhaps status"):
        declare(Range)
    with pytest.raises(LookupError, match="not declared with @resource"):
        crd(Range)
