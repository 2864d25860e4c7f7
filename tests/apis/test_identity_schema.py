from __future__ import annotations

import pytest

from apis.v1alpha1.identity import Identity

KERBEROS = {"principal": "alice@EXAMPLE.ORG", "keytabSecret": {"name": "alice"}}
IDENTITY = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "Identity",
    "metadata": {"name": "alice", "namespace": "team"},
    "spec": {"kerberos": KERBEROS},
}


def spec(**fields):
    return {"spec": fields}


def mounted(path, name="s"):
    return {"name": name, "mountPath": path}


GOOD = {
    "the shortest": {},
    "a service's principal": spec(kerberos={"principal": "hdfs/nn-1.example.org@EXAMPLE.ORG"}),
    "all of it": spec(
        kerberos={"krb5ConfigMap": {"name": "krb5", "key": "conf"}},
        hadoop={"configMap": "hadoop"},
        secrets=[mounted("/certs"), {"name": "s3", "env": [{"name": "AWS_KEY", "key": "id"}]}],
        configMaps=[mounted("/home/alice/.aws")],
        serviceAccountName="reader",
    ),
    "an account alone": spec(kerberos=None, serviceAccountName="reader"),
}
BAD = {
    "nothing": (spec(kerberos=None), "spec", "at least one of kerberos, hadoop"),
    "empty lists": (spec(kerberos=None, secrets=[], configMaps=[]), "spec", "at least one"),
    "no keytab": (
        spec(kerberos={"keytabSecret": None}),
        "spec.kerberos.keytabSecret",
        "Required value",
    ),
    "no principal": (spec(kerberos={"principal": None}), "spec.kerberos.principal", "Required"),
    "a principal without a realm": (
        spec(kerberos={"principal": "alice"}),
        "spec.kerberos.principal",
        "should match",
    ),
    "a principal like an option": (
        spec(kerberos={"principal": "-V@R"}),
        "spec.kerberos.principal",
        "should match",
    ),
    "another namespace's Secret": (
        spec(kerberos={"keytabSecret": {"name": "other/alice"}}),
        "spec.kerberos.keytabSecret.name",
        "should match",
    ),
    "a namespace": (
        spec(kerberos={"keytabSecret": {"namespace": "other"}}),
        "spec.kerberos.keytabSecret.namespace",
        "unknown field",
    ),
    "both ways": (
        spec(secrets=[{"name": "s", "mountPath": "/a", "env": [{"name": "A", "key": "a"}]}]),
        "spec.secrets[0]",
        "exactly one of mountPath",
    ),
    "neither way": (spec(secrets=[{"name": "s"}]), "spec.secrets[0]", "exactly one of mountPath"),
    "no variable": (spec(secrets=[{"name": "s", "env": []}]), "spec.secrets[0]", "exactly one"),
    "one directory for two": (
        spec(secrets=[mounted("/a")], configMaps=[mounted("/a")]),
        "spec",
        "have one mountPath",
    ),
    "one Secret twice": (
        spec(secrets=[mounted("/a"), mounted("/b")]),
        "spec.secrets[1]",
        "Duplicate",
    ),
    "a variable of the platform's": (
        spec(secrets=[{"name": "s", "env": [{"name": "MLCTL_A", "key": "a"}]}]),
        "spec.secrets[0].env[0].name",
        "set by the platform",
    ),
    "an account with a slash": (
        spec(serviceAccountName="kube-system/admin"),
        "spec.serviceAccountName",
        "should match",
    ),
}
BAD |= {
    f"the directory {path}": (spec(secrets=[mounted(path)]), "spec.secrets[0].mountPath", words)
    for path, words in {
        "/mlctl/code": "choose one of its own",
        "/dev/shm": "choose one of its own",
        "/etc": "choose one of its own",
        "/": "should match",
        "data": "should match",
        "/a/../mlctl": "should match",
        "/a/./b": "should match",
        "/a/": "should match",
        "/a b": "should match",
    }.items()
}


@pytest.mark.parametrize("name", GOOD)
def test_good_identities_are_taken(refusals, name):
    assert refusals(Identity, IDENTITY, GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_bad_identities_are_refused_with_the_field_and_the_fix(refusals, name):
    patch, field, words = BAD[name]
    said = refusals(Identity, IDENTITY, patch)
    assert any(error.startswith(f"{field}:") and words in error for error in said), said
