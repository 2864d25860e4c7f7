from __future__ import annotations

import base64
import json

import pytest
from node_pods import container, pod

from mlctl_core.embedded.node.environment import (
    ConfigError,
    Facts,
    Sources,
    container_environment,
    decode_config_map,
    decode_secret,
)

FACTS = Facts(address="127.0.0.1", allocatable={"cpu": "8", "memory": "16Gi"})
SOURCES = Sources(
    config_maps={"settings": {"mode": b"fast", "level": b"3"}, "gone": None},
    secrets={"login": {"user": b"ada", "password": b"s3cret"}, "gone": None},
)


def environment(*env, env_from=(), base=None, **pod_fields):
    resources = {"requests": {"cpu": "250m"}, "limits": {"cpu": "1500m"}}
    main = container(env=list(env), envFrom=list(env_from), resources=resources)
    a_pod = pod(containers=[main], **pod_fields)
    return container_environment(
        a_pod, a_pod.spec.containers[0], sources=SOURCES, facts=FACTS, base=base or {}
    )


def of(name, **source):
    return {"name": name, "valueFrom": source}


def test_a_value_may_refer_to_what_comes_before_it():
    found = environment(
        {"name": "A", "value": "1"},
        {"name": "B", "value": "$(A)$(C)"},
        {"name": "C", "value": "3"},
    )

    assert found == {"A": "1", "B": "1$(C)", "C": "3"}


def test_the_pods_own_variables_override_the_images_and_may_use_them():
    found = environment({"name": "PATH", "value": "/mine:$(PATH)"}, base={"PATH": "/bin", "L": "C"})

    assert found == {"PATH": "/mine:/bin", "L": "C"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "p"),
        ("metadata.namespace", "ns"),
        ("metadata.uid", "u1"),
        ("metadata.labels['team']", "red"),
        ("metadata.annotations['a.b/c']", "x"),
        ("metadata.labels['none']", ""),
        ("spec.nodeName", "n"),
        ("spec.serviceAccountName", "robot"),
        ("status.podIP", "127.0.0.1"),
        ("status.hostIP", "127.0.0.1"),
    ],
)
def test_a_field_of_the_pod_is_a_value(path, expected):
    found = environment(
        of("F", fieldRef={"fieldPath": path}),
        metadata={"labels": {"team": "red"}, "annotations": {"a.b/c": "x"}},
        serviceAccountName="robot",
    )

    assert found == {"F": expected}


def test_an_unknown_field_is_a_configuration_error():
    with pytest.raises(ConfigError, match=r"spec\.dnsPolicy"):
        environment(of("F", fieldRef={"fieldPath": "spec.dnsPolicy"}))


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"resource": "requests.cpu"}, "1"),
        ({"resource": "requests.cpu", "divisor": "1m"}, "250"),
        ({"resource": "limits.cpu"}, "2"),
        ({"resource": "limits.memory", "divisor": "1Gi"}, "16"),
        ({"resource": "requests.memory"}, "0"),
        ({"resource": "limits.cpu", "containerName": "main", "divisor": "0"}, "2"),
    ],
)
def test_a_resource_is_counted_in_divisors_and_rounded_up(reference, expected):
    assert environment(of("R", resourceFieldRef=reference)) == {"R": expected}


def test_keys_of_config_maps_and_secrets_are_values():
    found = environment(
        of("MODE", configMapKeyRef={"name": "settings", "key": "mode"}),
        of("USER", secretKeyRef={"name": "login", "key": "user"}),
    )

    assert found == {"MODE": "fast", "USER": "ada"}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            {"configMapKeyRef": {"name": "settings", "key": "nope"}},
            "couldn't find key nope in ConfigMap ns/settings",
        ),
        ({"configMapKeyRef": {"name": "gone", "key": "a"}}, 'configmap "gone" not found'),
        (
            {"secretKeyRef": {"name": "login", "key": "nope"}},
            "couldn't find key nope in Secret ns/login",
        ),
        ({"secretKeyRef": {"name": "gone", "key": "a"}}, 'secret "gone" not found'),
    ],
)
def test_what_is_missing_is_named_unless_it_is_optional(source, message):
    with pytest.raises(ConfigError) as caught:
        environment(of("V", **source))
    assert str(caught.value) == message

    optional = {kind: reference | {"optional": True} for kind, reference in source.items()}
    assert environment(of("V", **optional)) == {}


def test_env_from_takes_all_keys_with_a_prefix_and_env_overrides_them():
    found = environment(
        {"name": "S_mode", "value": "slow"},
        env_from=[
            {"prefix": "S_", "configMapRef": {"name": "settings"}},
            {"secretRef": {"name": "login"}},
        ],
    )

    assert found == {"S_mode": "slow", "S_level": "3", "user": "ada", "password": "s3cret"}


def test_env_from_something_missing_is_an_error_unless_it_is_optional():
    with pytest.raises(ConfigError, match='configmap "gone" not found'):
        environment(env_from=[{"configMapRef": {"name": "gone"}}])

    assert environment(env_from=[{"secretRef": {"name": "gone", "optional": True}}]) == {}


def test_config_maps_hold_text_and_bytes_and_secrets_hold_bytes():
    binary = base64.b64encode(b"\xff\x00").decode()
    config_map = json.dumps({"data": {"a": "ä"}, "binaryData": {"b": binary}}).encode()
    secret = json.dumps({"data": {"k": base64.b64encode(b"v").decode()}}).encode()

    assert decode_config_map(config_map) == {"a": "ä".encode(), "b": b"\xff\x00"}
    assert decode_secret(secret) == {"k": b"v"}
