"""The objects of manifests/, read from the files without a server or kustomize."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml

MANIFESTS = Path(__file__).parents[2] / "manifests"
# Generated from the classes of apis/, and what users write: neither is part of an installation's
# own objects.
APART = ("crds", "samples")


@functools.cache
def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


@functools.cache
def files():
    return sorted(path for path in MANIFESTS.rglob("*.yaml") if path.name != "kustomization.yaml")


def objects(*, apart=False):
    """(file, object) of everything that is installed."""
    return [
        (path.relative_to(MANIFESTS).as_posix(), document)
        for path in files()
        if apart or path.relative_to(MANIFESTS).parts[0] not in APART
        for document in documents(path)
    ]


def called(kind, name):
    [found] = [
        document
        for _, document in objects()
        if (document["kind"], document["metadata"]["name"]) == (kind, name)
    ]
    return found


def names(kind):
    return {document["metadata"]["name"] for _, document in objects() if document["kind"] == kind}


def definitions():
    return [
        document
        for path in sorted((MANIFESTS / "crds").glob("*.yaml"))
        for document in documents(path)
        if document["kind"] == "CustomResourceDefinition"
    ]


def plurals(scope):
    return {
        definition["spec"]["names"]["plural"]
        for definition in definitions()
        if definition["spec"]["scope"] == scope
    }


def jobs():
    """The plurals of the kinds of jobs: those that run in a framework."""
    return {
        definition["spec"]["names"]["plural"]
        for definition in definitions()
        for version in definition["spec"]["versions"]
        if definition["spec"]["scope"] == "Namespaced"
        and "framework" in version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    }
