from __future__ import annotations

import enum
import gc
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_origin

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apis.v1alpha1.framework import Framework
from apis.v1alpha1.pythonjob import PythonJob
from apis.v1alpha1.size import Size
from mlctl_core.objects.codec import convert, decode, encode
from mlctl_core.objects.core import TYPED
from mlctl_core.objects.fields import Shape, fields_of
from mlctl_core.objects.json import DecodeError
from mlctl_core.objects.metadata import Metadata, OwnerReference
from mlctl_core.objects.resource import Schema

CLASSES = [Framework, PythonJob, Size, *TYPED.values()]


class Colour(enum.Enum):
    RED = "red"
    DARK_BLUE = "dark-blue"


@attrs.frozen
class Part:
    part_name: str
    weight: int = 1


@attrs.frozen
class Single:
    only: int = 7


@attrs.frozen
class Nothing:
    pass


@attrs.frozen
class Volume:
    empty_dir: Nothing | None = None


@attrs.frozen
class Odd:
    when: complex = 0j


@attrs.frozen
class Whole:
    name: str
    back_off: int = 3
    flag: bool = False
    ratio: float = 0.5
    note: str = ""
    maybe: str | None = None
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] = "a"
    amount: int | str = "1"
    other: Annotated[str, Schema(name="OTHER-name")] = ""
    as_: Annotated[str, Schema(name="as")] = ""
    words: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    by_key: Mapping[str, Part] = MappingProxyType({})
    labels: Mapping[str, str] = MappingProxyType({})
    lists: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    part: Part | None = None
    single: Single = Single()
    anything: Any = None


FULL = {
    "name": "n",
    "backOff": 5,
    "flag": True,
    "ratio": 1.5,
    "note": "x",
    "maybe": "y",
    "colour": "dark-blue",
    "mode": "b",
    "amount": 2,
    "OTHER-name": "o",
    "as": "p",
    "words": ["a", "b"],
    "parts": [{"partName": "q", "weight": 2}],
    "byKey": {"k": {"partName": "r", "weight": 1}},
    "labels": {"l": "m"},
    "lists": {"x": [1, 2]},
    "part": {"partName": "s", "weight": 0},
    "single": {"only": 8},
    "anything": {"deep": [1, None, {}]},
}


def raw(value):
    return json.dumps(value).encode()


def test_an_object_is_decoded_by_its_json_names():
    assert decode(Whole, raw(FULL)) == Whole(
        name="n",
        back_off=5,
        flag=True,
        ratio=1.5,
        note="x",
        maybe="y",
        colour=Colour.DARK_BLUE,
        mode="b",
        amount=2,
        other="o",
        as_="p",
        words=("a", "b"),
        parts=(Part("q", 2),),
        by_key={"k": Part("r")},
        labels={"l": "m"},
        lists={"x": (1, 2)},
        part=Part("s", 0),
        single=Single(8),
        anything={"deep": [1, None, {}]},
    )


def test_what_was_decoded_is_encoded_as_it_was():
    assert encode(decode(Whole, raw(FULL))) == FULL


def test_bytes_and_dicts_decode_alike():
    assert convert(Whole, FULL) == decode(Whole, raw(FULL))


def test_absent_and_null_fields_have_the_default():
    nulls = {name: None for name in FULL if name != "name"}
    assert (
        decode(Whole, raw({"name": "n", **nulls}))
        == Whole("n")
        == decode(Whole, raw({"name": "n"}))
    )


def test_unknown_fields_are_ignored():
    assert decode(Single, b'{"only":1,"more":{"x":[1]},"back_off":2}') == Single(1)


def test_an_object_nested_too_deeply_is_a_decode_error_like_any_other():
    deep = b'{"only":1,"more":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    with pytest.raises(DecodeError, match="recursion"):
        decode(Single, deep)


def test_python_names_are_no_json_names():
    assert decode(Whole, b'{"name":"n","back_off":9}').back_off == 3


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, "name"),
        ({"name": None}, r"\$\.name"),
        ({"name": 1}, r"\$\.name"),
        ({"name": "n", "backOff": "3"}, r"\$\.backOff"),
        ({"name": "n", "mode": "c"}, r"\$\.mode"),
        ({"name": "n", "parts": [{"partName": "a"}, {}]}, r"\$\.parts\[1\]"),
        ({"name": "n", "byKey": {"k": {"partName": 1}}}, r"\$\.byKey\[\.\.\.\]\.partName"),
    ],
)
def test_a_wrong_value_is_named_by_its_json_path(value, path):
    with pytest.raises(DecodeError, match=path):
        decode(Whole, raw(value))
    with pytest.raises(DecodeError, match=path):
        convert(Whole, value)


def test_bytes_that_are_no_json_are_a_decode_error():
    with pytest.raises(DecodeError):
        decode(Whole, b'{"name":')


def test_a_decoded_object_cannot_be_changed():
    whole = decode(Whole, raw(FULL))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        whole.name = "m"
    with pytest.raises(TypeError):
        whole.labels["l"] = "n"
    with pytest.raises(TypeError):
        whole.by_key["k"] = Part("t")
    assert isinstance(whole.lists["x"], tuple)


def test_empty_defaults_are_left_out_and_numbers_are_written():
    assert encode(Whole("n")) == {
        "name": "n",
        "backOff": 3,
        "flag": False,
        "ratio": 0.5,
        "colour": "red",
        "mode": "a",
        "amount": "1",
    }


def test_an_optional_object_that_is_there_is_written_even_when_empty():
    assert encode(Volume(Nothing())) == {"emptyDir": {}}
    assert decode(Volume, b'{"emptyDir":{}}') == Volume(Nothing())
    assert encode(Volume()) == {}


def test_equal_objects_are_written_alike_whatever_the_order_of_their_maps():
    one = Whole("n", labels={"a": "1", "b": "2"}, by_key={"x": Part("p"), "y": Part("q")})
    two = Whole("n", labels={"b": "2", "a": "1"}, by_key={"y": Part("q"), "x": Part("p")})
    assert one == two
    assert raw(encode(one)) == raw(encode(two))


def test_encoding_gives_a_copy_of_its_own():
    whole = decode(Whole, raw(FULL))
    encode(whole)["labels"]["l"] = "changed"
    assert whole.labels == {"l": "m"}


def test_an_api_object_is_written_with_its_kind():
    job = {"metadata": {"name": "j"}, "spec": {"framework": "f", "size": "s", "entrypoint": "m"}}
    written = encode(convert(PythonJob, job))
    assert list(written) == ["apiVersion", "kind", "metadata", "spec"]
    assert (written["apiVersion"], written["kind"]) == ("mlctl.dev/v1alpha1", "PythonJob")


def test_the_decoded_bytes_are_not_kept():
    big = raw({"name": "n", "note": "x", "unknown": "y" * 1000})
    referrers = len(gc.get_referrers(big))
    whole = decode(Whole, big)
    assert len(gc.get_referrers(big)) == referrers
    assert whole.note == "x"


def test_what_json_cannot_say_is_a_type_error():
    with pytest.raises(TypeError, match="complex"):
        decode(Odd, b"{}")
    with pytest.raises(TypeError, match="no attrs class"):
        encode(object())


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of a type, none of them empty: what is empty may be left out."""
    if item := shape.item:
        return st.lists(values(item), min_size=1, max_size=2).map(tuple)
    if value := shape.value:
        return st.dictionaries(st.text(max_size=3), values(value), min_size=1, max_size=2)
    bare = shape.type
    if bare is Metadata:
        return metadata
    if isinstance(bare, type) and attrs.has(bare):
        return objects(bare)
    if get_origin(bare) is Literal:
        return st.sampled_from(get_args(bare))
    if bare in SCALARS:
        return SCALARS[bare]
    return st.one_of(*(SCALARS[part] for part in get_args(bare)))


SCALARS = {
    str: st.text(min_size=1),
    int: st.integers(-(2**53), 2**53),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
}


def objects(cls: type) -> st.SearchStrategy[Any]:
    """Objects with every field filled."""
    return st.builds(cls, **{field.attribute: values(field.shape) for field in fields_of(cls)})


words = st.text(min_size=1)
maps = st.dictionaries(words, words, min_size=1, max_size=2)
metadata = st.builds(
    Metadata,
    name=words,
    namespace=words,
    uid=words,
    resource_version=words,
    generation=st.integers(1, 9),
    creation_timestamp=words,
    deletion_timestamp=words,
    deletion_grace_period_seconds=st.integers(0, 9),
    label_map=maps,
    annotation_map=maps,
    finalizers=st.tuples(words),
    owner_references=st.tuples(
        st.builds(
            OwnerReference,
            api_version=words,
            kind=words,
            name=words,
            uid=words,
            controller=st.booleans(),
            block_owner_deletion=st.booleans(),
        )
    ),
)


@pytest.mark.parametrize("cls", CLASSES)
def test_no_field_is_lost_on_the_way_out_and_back(cls):
    @given(objects(cls))
    def returns_the_same(value):
        written = encode(value)
        assert decode(cls, raw(written)) == value
        assert encode(convert(cls, written)) == written

    returns_the_same()


def leaves(cls: type, path: str = "") -> list[str]:
    found = []
    for field in fields_of(cls):
        shape = field.shape
        while inner := shape.item or shape.value:
            shape = inner
        here = f"{path}.{field.json}"
        found += leaves(shape.type, here) if attrs.has(shape.type) else [here]
    return found


def written_paths(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path}.union(
            *(written_paths(part, f"{path}.{name}") for name, part in value.items())
        )
    if isinstance(value, list):
        return {path}.union(*(written_paths(part, path) for part in value))
    return {path}


@pytest.mark.parametrize("cls", [Framework, PythonJob, Size])
def test_every_field_of_the_api_appears_in_json(cls):
    """A map's keys stand between its path and its values', so only paths outside of maps count."""

    @given(objects(cls))
    def all_there(value):
        paths = written_paths(encode(value))
        missing = [leaf for leaf in leaves(cls) if leaf not in paths]
        in_maps = (".replicaStatuses.", ".roleSizes.", ".metrics.")
        assert all(any(name in leaf for name in in_maps) for leaf in missing)

    all_there()
