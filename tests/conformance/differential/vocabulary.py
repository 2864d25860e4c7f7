"""What the sequences are made of: kinds, objects of each, and edits that may be good or bad."""

from __future__ import annotations

import copy

import attrs
from specimens import WIDGET_SPEC, widget_definition

NAMES = ("a", "b", "c")
GROUP = "differential.example.com"

_METADATA = (
    ("metadata.labels.tier", ("front", "back", "", None)),
    ("metadata.labels.app", ("x", "not a label!", None)),
    ("metadata.labels", ({}, {"app": "z"}, None)),
    ("metadata.annotations.note", ("one", "two", None)),
    ("metadata.annotations.bad key/x/y", ("one",)),
    (
        "metadata.finalizers",
        (["example.com/hold"], ["example.com/hold", "example.com/b"], [], None),
    ),
    ("metadata.finalizers", (["no-domain"],)),
    (
        "metadata.ownerReferences",
        (
            [{"apiVersion": "v1", "kind": "Secret", "name": "o", "uid": "1-2"}],
            [{"apiVersion": "v1", "kind": "Secret", "name": "o", "uid": "1-2", "controller": True}],
            [{"apiVersion": "v1", "kind": "Secret", "name": "", "uid": "1-2"}],
            [],
            None,
        ),
    ),
    ("metadata.unknown", ("x",)),
    ("metadata.generation", (7,)),
    ("metadata.creationTimestamp", ("2020-01-01T00:00:00Z", None)),
    ("metadata.deletionTimestamp", ("2020-01-01T00:00:00Z",)),
    ("metadata.namespace", ("elsewhere",)),
    ("metadata.uid", ("00000000-0000-0000-0000-000000000000", "")),
)


_CUSTOM_METADATA = tuple(
    (path, tuple(value for value in values if value not in ({}, []))) for path, values in _METADATA
)
"""Without what is empty: upstream stores that of a custom kind until the next write, which then
is one even when it changes nothing."""


def definition():
    """The definition of the custom kind among the specimens."""
    spec = copy.deepcopy(WIDGET_SPEC)
    spec["properties"]["replicas"] = {"type": "integer", "minimum": 0}
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    return widget_definition(GROUP, spec=spec, subresources={"status": {}, "scale": scale})


@attrs.frozen
class Specimen:
    """A kind, a valid object of it, and values that its fields may be given."""

    plural: str
    prefix: str
    base: dict
    edits: tuple
    status_edits: tuple = ()
    scaled: bool = False
    is_custom: bool = False

    def path(self, namespace, name="", subresource=""):
        parts = [self.prefix, "namespaces", namespace, self.plural, name, subresource]
        return "/" + "/".join(part for part in parts if part)

    def made(self, name):
        return {**copy.deepcopy(self.base), "metadata": {"name": name}}

    @property
    def all_edits(self):
        return self.edits + (_CUSTOM_METADATA if self.is_custom else _METADATA)


_CONTAINERS = [{"name": "main", "image": "busybox"}]
_TEMPLATE = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": _CONTAINERS}}
_CONDITIONS = (
    [{"type": "Ready", "status": "True"}],
    [{"type": "Ready", "status": "False"}, {"type": "Seen", "status": "True"}],
    [],
    None,
)

_CONTAINER_EDITS = (
    (
        "containers",
        (
            [{"name": "main", "image": "busybox:2"}],
            [{"name": "main", "image": "busybox", "env": [{"name": "A", "value": "1"}]}],
            [
                {"name": "main", "image": "busybox", "env": [{"name": "B", "value": "2"}]},
                {"name": "side", "image": "busybox"},
            ],
            [{"name": "main", "image": "busybox", "ports": [{"containerPort": 80}]}],
            [
                {
                    "name": "main",
                    "image": "busybox",
                    "resources": {
                        "requests": {"cpu": "100m"},
                        "limits": {"cpu": "1", "memory": "64Mi"},
                    },
                }
            ],
            [
                {
                    "name": "main",
                    "image": "busybox",
                    "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
                }
            ],
            [{"name": "main", "image": "busybox", "resources": {"limits": {"nvidia.com/gpu": 1}}}],
            [{"name": "main", "image": "busybox", "command": ["true"], "args": ["x", "y"]}],
            [{"name": "Main_", "image": "busybox"}],
            [{"name": "main"}],
            [{"name": "main", "image": "busybox"}, {"name": "main", "image": "busybox"}],
            [],
            None,
        ),
    ),
    ("terminationGracePeriodSeconds", (5, 0, "soon", None)),
    ("activeDeadlineSeconds", (60, 0, None)),
    ("nodeSelector", ({"zone": "z1"}, {"zone": "not valid!"}, None)),
    (
        "tolerations",
        (
            [{"key": "gpu", "operator": "Exists"}],
            [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
            [{"operator": "Equal", "value": "x"}],
            None,
        ),
    ),
    (
        "volumes",
        (
            [{"name": "v", "emptyDir": {}}],
            [{"name": "v", "emptyDir": {}}, {"name": "w", "configMap": {"name": "c"}}],
            [{"name": "v"}],
            [{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}],
            None,
        ),
    ),
    ("schedulerName", ("other",)),
    ("unknown", (1,)),
)

SPECIMENS = {
    one.plural: one
    for one in (
        Specimen(
            "secrets",
            "api/v1",
            {"apiVersion": "v1", "kind": "Secret", "data": {"k": "djE="}},
            (
                # No null: upstream stores that as none, and later again as empty bytes.
                ("data.k", ("djE=", "djI=", "not base64", 7)),
                ("data.other", ("djM=",)),
                ("data.bad key", ("djM=",)),
                ("data", ({}, {"z": "djE="}, None)),
                ("stringData.s", ("plain", "djE=")),
                ("type", ("Opaque", "example.com/other", "kubernetes.io/tls", None)),
                ("immutable", (True, False, None)),
                ("unknown", ("x",)),
            ),
        ),
        Specimen(
            "configmaps",
            "api/v1",
            {"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"}},
            (
                ("data.k", ("v", "w", "", None, 7)),
                ("data.other", ("x", None)),
                ("data.bad key", ("x",)),
                ("data", ({}, {"z": "1"}, None, "text")),
                ("binaryData.bin", ("djE=", "!", None)),
                ("binaryData.k", ("djE=",)),
                ("immutable", (True, False, None)),
                ("unknown", ("x", {"y": 1})),
            ),
        ),
        Specimen(
            "leases",
            "apis/coordination.k8s.io/v1",
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "spec": {"holderIdentity": "h", "leaseDurationSeconds": 15},
            },
            (
                ("spec.holderIdentity", ("h", "i", "", None)),
                ("spec.leaseDurationSeconds", (15, 30, 0, -1, "x", None)),
                ("spec.leaseTransitions", (0, 1, -1, None)),
                ("spec.renewTime", ("2026-01-01T00:00:00.000000Z", "2026-01-01", None)),
                ("spec", ({}, None)),
                ("spec.unknown", (1,)),
            ),
        ),
        Specimen(
            "services",
            "api/v1",
            {
                "apiVersion": "v1",
                "kind": "Service",
                "spec": {"clusterIP": "None", "selector": {"app": "x"}, "ports": [{"port": 80}]},
            },
            (
                (
                    "spec.ports",
                    (
                        [{"port": 80}],
                        [{"port": 80, "name": "http"}, {"port": 81, "name": "more"}],
                        [{"port": 80, "name": "http", "targetPort": "web"}],
                        [{"port": 80}, {"port": 81}],
                        [{"port": 0}],
                        [{"port": 80, "protocol": "UDP"}],
                        [{"port": 80, "protocol": "WORD"}],
                        [],
                        None,
                    ),
                ),
                ("spec.selector", ({"app": "y"}, {"a": "b", "c": "d"})),
                ("spec.publishNotReadyAddresses", (True, False, None)),
                ("spec.clusterIP", ("None",)),
                ("spec.sessionAffinity", ("ClientIP", "None", "Other")),
                ("spec.unknown", (1,)),
            ),
        ),
        Specimen(
            "serviceaccounts",
            "api/v1",
            {"apiVersion": "v1", "kind": "ServiceAccount"},
            (
                ("automountServiceAccountToken", (True, False, None)),
                ("imagePullSecrets", ([{"name": "p"}], [{"name": "p"}, {"name": "q"}], [], None)),
                ("secrets", ([{"name": "s"}], None)),
                ("unknown", ("x",)),
            ),
        ),
        Specimen(
            "pods",
            "api/v1",
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "spec": {"schedulerName": "nobody", "containers": _CONTAINERS},
            },
            (
                *tuple((f"spec.{path}", values) for path, values in _CONTAINER_EDITS),
                ("spec.restartPolicy", ("Never", "OnFailure", "Sometimes")),
                ("spec.nodeName", ("n1",)),
                ("spec.schedulingGates", ([{"name": "example.com/wait"}], [], None)),
                ("spec.hostNetwork", (True, None)),
                ("status.phase", ("Running",)),
            ),
            (
                ("status.phase", ("Running", "Succeeded", "Failed", "Pending")),
                ("status.conditions", _CONDITIONS),
                ("status.message", ("words", None)),
                ("status.podIP", ("10.1.2.3", "nonsense", None)),
                ("spec.nodeName", ("n1",)),
            ),
        ),
        Specimen(
            "deployments",
            "apis/apps/v1",
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": {"app": "x"}},
                    "template": _TEMPLATE,
                },
            },
            (
                *tuple((f"spec.template.spec.{path}", values) for path, values in _CONTAINER_EDITS),
                ("spec.replicas", (0, 2, 3, -1, "x", None)),
                ("spec.paused", (True, False, None)),
                ("spec.strategy.type", ("Recreate", "RollingUpdate", "Other")),
                ("spec.template.metadata.labels.more", ("m", None)),
                ("spec.template.metadata.labels.app", ("other",)),
                ("spec.selector.matchLabels.app", ("other",)),
                ("spec.minReadySeconds", (5, -1, None)),
                ("spec.unknown", (1,)),
            ),
            (
                ("status.replicas", (1, 2, -1, None)),
                ("status.observedGeneration", (1, 2, None)),
                ("status.conditions", _CONDITIONS),
                ("spec.replicas", (9,)),
            ),
            scaled=True,
        ),
        Specimen(
            "widgets",
            f"apis/{GROUP}/v1",
            {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "spec": {"size": 3}},
            (
                ("spec.size", (1, 5, 0, 101, "x", 2.5, None)),
                ("spec.replicas", (0, 2, None)),
                ("spec.color", ("red", "blue", "pink", None)),
                ("spec.name", ("abc", "TOO", "muchtoolong", None)),
                ("spec.tags", (["a"], ["a", "b"], ["b", "a"], ["a", "a"], [], None)),
                (
                    "spec.ports",
                    (
                        [{"name": "p", "port": 1}],
                        [{"name": "p", "port": 2}, {"name": "q"}],
                        [{"name": "q", "protocol": "UDP"}],
                        [{"name": "p"}, {"name": "p"}],
                        [{"port": 1}],
                        [],
                        None,
                    ),
                ),
                ("spec.steps", (["one"], ["one", "two"], [1], None)),
                ("spec.labels.l", ("1", "2", 3, None)),
                ("spec.labels", ({}, {"m": "1"}, None)),
                ("spec.fixed", ({"f": "1"}, {"g": "2"}, {}, None)),
                ("spec.inner.a", ("1", "2", None)),
                ("spec.inner.b", ("1", None)),
                ("spec.inner", ({}, {"on": False}, None)),
                ("spec.inner.unknown", ("x",)),
                ("spec.free.deep.er", (1, {"x": [1, 2]}, None)),
                ("spec.free", ({"n": None}, {}, None)),
                ("spec.amount", (1, "1", "50%", 1.5, None)),
                ("spec.maybe", ("x", None)),
                ("spec.unknown", (1, {"a": 1})),
                ("spec", ({}, None, [])),
                ("status.phase", ("Ignored",)),
            ),
            (
                ("status.phase", ("Up", "Down", 3, None)),
                ("status.replicas", (1, 2, None)),
                ("status.conditions", _CONDITIONS),
                ("status", ({}, None)),
                ("spec.size", (9,)),
                ("metadata.labels.late", ("x",)),
            ),
            scaled=True,
            is_custom=True,
        ),
    )
}
