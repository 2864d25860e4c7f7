"""Of all that Kubernetes lets a pod's author say, a job's author can say what is listed here."""

from __future__ import annotations

import pytest
from complete_objects import COMPLETE
from kubernetes.client import V1Container, V1PodSecurityContext, V1PodSpec, V1SecurityContext

from apis.v1alpha1.dataset import Dataset
from apis.v1alpha1.identity import Identity
from apis.v1alpha1.jvmjob import JVMJob
from apis.v1alpha1.pythonjob import PythonJob
from apis.v1alpha1.sparkjob import SparkJob
from apis.v1alpha1.tensorflowjob import TensorFlowJob

JOBS = (PythonJob, TensorFlowJob, SparkJob, JVMJob)
CONTAINER = [{"name": "mine", "image": "example.org/mine"}]
# What a tenant would write; of other fields any value will do.
VALUES = {
    "hostNetwork": True,
    "hostPID": True,
    "hostIPC": True,
    "hostUsers": True,
    "nodeName": "control-plane-1",
    "nodeSelector": {"node-role.kubernetes.io/control-plane": ""},
    "affinity": {"nodeAffinity": {}},
    "tolerations": [{"operator": "Exists"}],
    "topologySpreadConstraints": [],
    "runtimeClassName": "privileged",
    "schedulerName": "mine",
    "priority": 2000000000,
    "preemptionPolicy": "PreemptLowerPriority",
    "serviceAccountName": "admin",
    "serviceAccount": "admin",
    "automountServiceAccountToken": True,
    "imagePullSecrets": [{"name": "pull"}],
    "image": "example.org/mine",
    "imagePullPolicy": "Never",
    "command": ["sh", "-c", "id"],
    "containers": CONTAINER,
    "initContainers": CONTAINER,
    "ephemeralContainers": CONTAINER,
    "volumes": [{"name": "v", "hostPath": {"path": "/"}}],
    "volumeMounts": [{"name": "v", "mountPath": "/host", "subPath": "../etc"}],
    "volumeDevices": [{"name": "v", "devicePath": "/dev/sda"}],
    "envFrom": [{"secretRef": {"name": "admin"}}],
    "ports": [{"hostPort": 22, "containerPort": 22}],
    "securityContext": {"privileged": True, "runAsUser": 0, "capabilities": {"add": ["ALL"]}},
    "privileged": True,
    "capabilities": {"add": ["SYS_ADMIN"]},
    "runAsUser": 0,
    "runAsNonRoot": False,
    "allowPrivilegeEscalation": True,
    "procMount": "Unmasked",
    "seccompProfile": {"type": "Unconfined"},
    "sysctls": [{"name": "kernel.core_pattern", "value": "|/bin/sh"}],
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["kubernetes.default.svc"]}],
    "dnsConfig": {"nameservers": ["10.0.0.1"]},
    "lifecycle": {"preStop": {"exec": {"command": ["sh"]}}},
    "livenessProbe": {"httpGet": {"host": "169.254.169.254", "port": 80}},
    "resources": {"limits": {"cpu": "1000"}},
    "resourceClaims": [{"name": "gpu", "resourceClaimName": "all"}],
    "overhead": {"cpu": "1"},
    "readinessGates": [{"conditionType": "mine"}],
    "shareProcessNamespace": True,
    "terminationGracePeriodSeconds": 86400,
}
OWN = {
    "args": "of the entrypoint",
    "env": "of the program; a value is text or one key of the namespace's",
    "activeDeadlineSeconds": "counted by the job, not by the kubelet",
    "priorityClassName": "held to the cluster's policy and the namespace's quota",
}
"""What the spec of a job has under a name that a pod or a container has as well."""
OWN_OF_ROLES = {"restartPolicy": "one of three words for what follows a failure"}
OWN_OF_OTHERS = {Identity: {"serviceAccountName": "of those that are labelled for jobs"}}

MODELS = (V1PodSpec, V1Container, V1PodSecurityContext, V1SecurityContext)
FIELDS = sorted({name for model in MODELS for name in model.attribute_map.values()} | VALUES.keys())
TEMPLATES = ("template", "podTemplate", "podTemplateSpec", "pod", "podSpec", "overrides")

PLACES = [
    *((cls, "spec") for cls in (*JOBS, Identity, Dataset)),
    *((TensorFlowJob, f"spec.roles.{role}") for role in ("chief", "worker", "ps", "evaluator")),
    (SparkJob, "spec.driver"),
    (SparkJob, "spec.executor"),
]


def known(cls, place):
    """The fields that look like a pod's and are the API's own."""
    if cls in OWN_OF_OTHERS:
        return OWN_OF_OTHERS[cls]
    if "roles" in place:
        return OWN_OF_ROLES
    return OWN if cls in JOBS and place == "spec" else {}


def patch(place, fields):
    for name in reversed(place.split(".")):
        fields = {name: fields}
    return fields


def named(cls, place):
    return f"{cls.__name__} {place}"


@pytest.mark.parametrize(("cls", "place"), PLACES, ids=[named(*place) for place in PLACES])
def test_a_field_of_a_pod_is_unknown_wherever_it_is_written(refusals, cls, place):
    own = known(cls, place)
    tried = [name for name in (*FIELDS, *TEMPLATES) if name not in own]
    fields = {name: VALUES.get(name, {}) for name in tried}
    found = refusals(cls, COMPLETE[cls][0], patch(place, fields))
    unknown = {error.removesuffix(": unknown field") for error in found}
    assert {f"{place}.{name}" for name in tried} <= unknown


@pytest.mark.parametrize(("cls", "place"), PLACES, ids=[named(*place) for place in PLACES])
def test_what_shares_a_name_with_a_field_of_a_pod_is_known_here(refusals, cls, place):
    found = refusals(
        cls, COMPLETE[cls][0], patch(place, {name: [{}] for name in known(cls, place)})
    )
    assert not any("unknown" in error for error in found)


@pytest.mark.parametrize("cls", JOBS)
@pytest.mark.parametrize("source", ["fieldRef", "resourceFieldRef", "fileKeyRef", "secretKeyRef"])
def test_a_variable_takes_nothing_of_the_pod_or_its_node(refusals, cls, source):
    variable = {"name": "A", "valueFrom": {source: {"fieldPath": "status.hostIP"}}}
    found = refusals(cls, COMPLETE[cls][0], {"spec": {"env": [variable]}})
    assert "spec.env[0].valueFrom: unknown field" in found


@pytest.mark.parametrize("cls", [*JOBS, Identity, Dataset])
def test_no_reference_names_a_namespace(refusals, cls):
    """A reference is a name, or an object that has one."""
    for obj in COMPLETE[cls]:
        for path in references(obj["spec"], ("spec",)):
            found = refusals(cls, obj, replaced(obj, path, "other/thing"))
            assert any("should match" in error for error in found), (path, found)
            below = replaced(obj, (*path[:-1], "namespace"), "other")
            if path[-1] == "name" and isinstance(path[-2], str):
                found = refusals(cls, below, {})
                assert any(error.endswith(".namespace: unknown field") for error in found)


NAMES = {
    *("framework", "size", "identity", "name", "secret", "priorityClassName", "configMap"),
    *("serviceAccountName",),
}


def references(value, path):
    """Where something else is named."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))
    elif isinstance(value, dict):
        for name, item in value.items():
            # A variable's own name is none of an object's.
            is_variable = path[-1] == "env" or (len(path) > 1 and path[-2] == "env")
            if name in NAMES and isinstance(item, str) and not is_variable:
                yield (*path, name)
            else:
                yield from references(item, (*path, name))


def replaced(value, path, new):
    if not path:
        return new
    first, *rest = path
    if isinstance(value, list):
        return [replaced(v, rest, new) if n == first else v for n, v in enumerate(value)]
    return {**value, first: replaced(value.get(first, {}), rest, new)}
