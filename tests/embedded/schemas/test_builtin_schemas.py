"""Schemas of built-in kinds, and the OpenAPI documents made of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import groupby

import pytest
from recorded_answers import BUILTIN, custom_resource

from mlctl_core.embedded.apiserver.builtin import builtin_resources
from mlctl_core.embedded.apiserver.openapi import (
    document_hash,
    openapi_path,
    openapi_v3,
    openapi_v3_index,
)


def field(api_version, kind, path):
    schema = BUILTIN[api_version, kind].schema()
    for name in path.split("."):
        schema = schema["properties"][name]
        schema = schema.get("items", schema) if name.endswith("s") else schema
    return schema


def test_listing_the_kinds_imports_no_models():
    program = (
        "import sys; from mlctl_core.embedded.apiserver.builtin import builtin_resources;"
        "builtin_resources(); print('kubernetes' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_every_kind_has_a_schema_with_metadata():
    for resource in builtin_resources():
        schema = resource.schema()
        assert schema["type"] == "object"
        assert {"apiVersion", "kind", "metadata"} <= schema["properties"].keys()


@pytest.mark.parametrize(
    ("path", "keys", "merge_key"),
    [
        ("spec.containers", ["name"], "name"),
        ("spec.volumes", ["name"], "name"),
        ("spec.imagePullSecrets", ["name"], "name"),
        ("spec.hostAliases", ["ip"], "ip"),
        ("spec.topologySpreadConstraints", ["topologyKey", "whenUnsatisfiable"], "topologyKey"),
        ("metadata.ownerReferences", ["uid"], "uid"),
        ("status.conditions", ["type"], "type"),
    ],
)
def test_lists_of_pods_merge_by_their_keys(path, keys, merge_key):
    parent, _, name = path.rpartition(".")
    schema = field("v1", "Pod", parent)["properties"][name]
    assert schema["x-kubernetes-list-type"] == "map"
    assert schema["x-kubernetes-list-map-keys"] == keys
    assert schema["x-kubernetes-patch-merge-key"] == merge_key


def test_ports_have_another_key_for_apply_than_for_patches():
    ports = field("v1", "Pod", "spec.containers")["properties"]["ports"]
    assert ports["x-kubernetes-list-map-keys"] == ["containerPort", "protocol"]
    assert ports["x-kubernetes-patch-merge-key"] == "containerPort"
    assert ports["items"]["properties"]["protocol"]["default"] == "TCP"


def test_lists_are_atomic_unless_something_else_is_known():
    spec = field("v1", "Pod", "spec")["properties"]
    assert spec["tolerations"]["x-kubernetes-list-type"] == "atomic"
    finalizers = field("v1", "Pod", "metadata")["properties"]["finalizers"]
    assert finalizers["x-kubernetes-list-type"] == "set"


def test_integers_know_their_width_and_quantities_their_format():
    spec = field("v1", "Pod", "spec")["properties"]
    assert spec["activeDeadlineSeconds"]["format"] == "int64"
    assert spec["priority"]["format"] == "int32"
    assert spec["overhead"]["additionalProperties"]["format"] == "quantity"


def documents():
    ordered = sorted(builtin_resources(), key=lambda r: (r.group, r.version))
    for (group, version), resources in groupby(ordered, key=lambda r: (r.group, r.version)):
        yield group, version, openapi_v3(list(resources))


def test_documents_refer_only_to_what_they_contain():
    for _, _, document in documents():
        text = json.dumps(document)
        wanted = set(re.findall(r'#/components/schemas/([^"]+)', text))
        assert wanted <= document["components"]["schemas"].keys()


def test_every_patch_says_what_it_takes():
    for _, _, document in documents():
        for path, operations in document["paths"].items():
            patch = operations.get("patch")
            if patch is None:
                continue
            names = {parameter["name"] for parameter in patch["parameters"]}
            assert {"fieldValidation", "dryRun", "fieldManager", "force"} <= names, path
            assert "application/apply-patch+yaml" in patch["requestBody"]["content"], path
            assert set(patch["x-kubernetes-group-version-kind"]) == {"group", "version", "kind"}


def test_kinds_can_be_found_by_group_version_and_kind():
    for group, version, document in documents():
        kinds = {
            marked["kind"]
            for schema in document["components"]["schemas"].values()
            for marked in schema.get("x-kubernetes-group-version-kind", ())
            if (marked["group"], marked["version"]) == (group, version)
        }
        wanted = {r.kind for r in builtin_resources() if (r.group, r.version) == (group, version)}
        assert wanted <= kinds


def test_a_custom_kinds_document_has_its_schema_and_no_strategic_merge():
    schema = {
        "type": "object",
        "description": "A thing.",
        "properties": {"spec": {"type": "object", "description": "What is wanted."}},
    }
    resource = custom_resource(schema, status=True)
    document = openapi_v3([resource])
    found = document["components"]["schemas"]["com.example.schemas.v1.Thing"]
    assert found["description"] == "A thing."
    assert found["properties"]["metadata"]["allOf"][0]["$ref"].endswith("ObjectMeta")
    path = "/apis/schemas.example.com/v1/namespaces/{namespace}/things/{name}"
    assert {path, f"{path}/status"} <= document["paths"].keys()
    assert (
        "application/strategic-merge-patch+json"
        not in (document["paths"][path]["patch"]["requestBody"]["content"])
    )
    assert schema["properties"].keys() == {"spec"}


def test_the_index_leads_to_documents_by_their_hash():
    resource = custom_resource({"type": "object"})
    path = openapi_path("schemas.example.com", "v1")
    assert path == "apis/schemas.example.com/v1"
    assert openapi_path("", "v1") == "api/v1"
    digest = document_hash([resource])
    assert openapi_v3_index({path: digest}) == {
        "paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}}
    }


def test_the_hash_changes_with_the_schema():
    plain = document_hash([custom_resource({"type": "object"})])
    assert plain == document_hash([custom_resource({"type": "object"})])
    assert plain != document_hash([custom_resource({"type": "object", "description": "x"})])
