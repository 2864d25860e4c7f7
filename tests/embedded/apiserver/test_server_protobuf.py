"""Request bodies as Go clients send them."""

from __future__ import annotations

import pytest
from api_caller import CONFIG_MAPS

from mlctl_core.embedded.apiserver.protobuf import MEDIA_TYPE, ProtobufError, decode_object


def field(number, value):
    """One field of a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value % 2**64)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(api_version, kind, *fields):
    type_meta = field(1, api_version) + field(2, kind)
    raw = b"".join(fields)
    return b"k8s\0" + field(1, type_meta) + field(2, raw) + field(3, "") + field(4, "")


METADATA = field(1, field(1, "a") + field(2, "") + field(7, 0) + field(8, b""))


def test_zero_values_that_go_leaves_out_of_json_are_left_out():
    obj = decode_object(message("v1", "ConfigMap", METADATA))
    assert obj == {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}}


def test_a_zero_behind_a_pointer_means_something():
    spec = field(2, field(1, 0) + field(7, 0))
    obj = decode_object(message("apps/v1", "Deployment", METADATA, spec))
    assert obj["spec"] == {"replicas": 0}


def test_maps_lists_bytes_times_quantities_and_inline_structs():
    data = field(2, field(1, "k") + field(2, b"\x00\x01"))
    secret = decode_object(message("v1", "Secret", METADATA, data))
    assert secret["data"] == {"k": "AAE="}
    quantity = field(1, field(1, "cpu") + field(2, field(1, "500m")))
    container = field(2, field(1, "c") + field(3, "sh") + field(3, "-c") + field(8, quantity))
    volume = field(1, field(1, "v") + field(2, field(2, b"")))  # emptyDir stands inline
    pod = decode_object(message("v1", "Pod", METADATA, field(2, container + volume)))
    assert pod["spec"]["containers"] == [
        {"name": "c", "command": ["sh", "-c"], "resources": {"limits": {"cpu": "500m"}}}
    ]
    assert pod["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]
    moment = field(8, field(1, 1_767_225_600))
    dated = decode_object(message("v1", "ConfigMap", field(1, moment)))
    assert dated["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"


def test_int_or_string_is_either():
    port = field(2, field(1, field(3, 80) + field(4, field(1, 1) + field(3, "http"))))
    service = decode_object(message("v1", "Service", METADATA, port))
    assert service["spec"]["ports"] == [{"port": 80, "targetPort": "http"}]


def test_numbers_may_be_negative():
    spec = field(2, field(1, -1))
    obj = decode_object(message("apps/v1", "Deployment", METADATA, spec))
    assert obj["spec"] == {"replicas": -1}


def test_fields_of_newer_clients_are_passed_over():
    obj = decode_object(message("v1", "ConfigMap", METADATA, field(1000, "new")))
    assert set(obj) == {"kind", "apiVersion", "metadata"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"k8s\0\x0a\xff",
        b"k8s\0\x0a" + b"\xff" * 20,
        message("v1", "Nope"),
        message("v1", "ConfigMap", b"\x0b"),
        message("v1", "ConfigMap", field(1, field(1, b"\xff"))),
        message("v1", "ConfigMap", field(1, 7)),
        message("v1", "ConfigMap", field(1, field(8, field(1, 2**62)))),
        message("v1", "ConfigMap", METADATA)[:-20],
    ],
)
def test_bytes_that_make_no_sense_are_an_error_of_one_kind(raw):
    try:
        decode_object(raw)
    except ProtobufError:
        return
    assert raw == message("v1", "ConfigMap", METADATA)[:-20]  # Cut where it still makes sense.


async def test_a_client_that_sends_protobuf_gets_json(api):
    body = message("v1", "ConfigMap", METADATA, field(2, field(1, "k") + field(2, "v")))
    accept = f"{MEDIA_TYPE},application/json"
    made = await api.call("POST", CONFIG_MAPS, body, kind=MEDIA_TYPE, accept=accept)
    assert made.status == 201
    assert made.headers["Content-Type"].startswith("application/json")
    assert made.body["data"] == {"k": "v"}
    refused = await api.call("POST", CONFIG_MAPS, b"junk", kind=MEDIA_TYPE)
    assert (refused.status, refused.reason) == (400, "BadRequest")
