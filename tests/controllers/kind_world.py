"""Worlds with a job of a real kind in them, ``mnist``, and all that such a job may name."""

from __future__ import annotations

import copy
import json
from functools import cache

from job_world import World, merged, refusals, rules_of_the_server

from controllers import jvmjob, pythonjob, sparkjob, tensorflowjob
from mlctl_core.embedded.apiserver.custom_strategy import complete_schema
from mlctl_core.embedded.apiserver.pruning import prune
from mlctl_core.objects.kinds import CONFIG_MAP, POD
from mlctl_core.reconcile.changes import Create, is_ours, name_taken

PYTHON = {
    "size": "small",
    "entrypoint": "train.py",
    "source": {"inline": {"train.py": "print('accuracy=0.97')"}},
}
ROLES = {"chief": {}, "worker": {"replicas": 2}, "ps": {}, "evaluator": {}}
SAMPLES = {
    "PythonJob": (pythonjob, {"framework": "scikit-learn", **PYTHON}),
    "PythonJob on two pods": (pythonjob, {"framework": "pytorch", "replicas": 2, **PYTHON}),
    "TensorFlowJob": (tensorflowjob, {"framework": "tensorflow-2.17", "roles": ROLES, **PYTHON}),
    "SparkJob": (sparkjob, {"framework": "spark", "executor": {"instances": 2}, **PYTHON}),
    "JVMJob": (
        jvmjob,
        {
            "framework": "jvm",
            "size": "small",
            "entrypoint": "org.example.Main",
            "source": {"inline": {"settings.txt": "a=b"}},
        },
    ),
}
"""A good job of each kind, by what it is called in tests."""

ALICE = {
    "kerberos": {
        "principal": "alice@EXAMPLE.ORG",
        "keytabSecret": {"name": "alice"},
        "krb5ConfigMap": {"name": "krb5"},
    },
    "hadoop": {"configMap": "hadoop"},
    "secrets": [
        {"name": "certificates", "mountPath": "/certificates"},
        {"name": "bucket", "env": [{"name": "AWS_SECRET_ACCESS_KEY", "key": "key"}]},
    ],
    "configMaps": [{"name": "settings", "mountPath": "/settings"}],
    "serviceAccountName": "reader",
}
DATASETS = {
    "volume": {"uri": "pvc://claim/a/b", "readOnly": False, "mountPath": "/data/volume"},
    "table": {"uri": "https://example.org/t.csv", "mode": "Stage", "sha256": "0" * 64},
    "bucket": {"uri": "s3://bucket/digits"},
}
IMAGES = {"cpu": "example.org/cpu@sha256:" + "0" * 64, "gpu": "example.org/gpu:1"}


@cache
def known_fields(cls):
    schema, _ = rules_of_the_server(cls)
    return complete_schema(schema)


def ours(kind, name, spec, status=None):
    """An object of one of our kinds."""
    api_version = "mlctl.dev/v1alpha1"
    obj = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
    return obj if status is None else {**obj, "status": status}


class KindWorld(World):
    def __init__(self, sample, **spec):
        controller, self.sample = SAMPLES[sample]
        super().__init__(controller)
        # Each family's framework once more, with an image for GPUs.
        own = self.raw(self.kind("Framework"), self.sample["framework"])["spec"]
        for name in ("both", self.sample["framework"]):
            self.add(ours("Framework", name, {**own, "images": IMAGES}))
        self.add(ours("Identity", "alice", ALICE, ready()))
        for name, dataset in DATASETS.items():
            self.add(ours("Dataset", name, dataset))
        self.logs["main"] = "accuracy=0.97\n"
        self.submit(**spec)

    def kind(self, name):
        return next(kind for kind in self.kinds if kind.name == name)

    # What users do.

    def tries(self, **spec):
        """Edit the job as a user does, None for a field to remove; returns what the server says."""
        kind = self.planner.kind
        old = self.raw(kind, "mnist")
        new = merged(copy.deepcopy(old), {"spec": spec})
        # Lists and maps are replaced by a `kubectl apply` of fields that one manager owns.
        new["spec"] |= {name: value for name, value in spec.items() if value is not None}
        unknown = [f"{path}: unknown field" for path in prune(new, known_fields(self.planner.cls))]
        if said := unknown + refusals(self.planner.cls, new, old):
            return said
        if new["spec"] != old["spec"]:
            new["metadata"]["generation"] += 1
            self.put(kind, new)
        return []

    # What the cluster does.

    def names(self):
        return sorted(pod["metadata"]["name"] for pod in self.pods())

    def start_all(self):
        for pod in self.pods():
            if pod.get("status", {}).get("phase") not in ("Running", "Succeeded", "Failed"):
                self.run(pod["metadata"]["name"])

    def run_all(self, seconds=10):
        """Bring the job to where all its pods run."""
        self.settle()
        self.start_all()
        self.settle()
        self.pass_time(seconds)
        return self

    def end_all(self, code=0):
        for pod in self.pods():
            if pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
                self.finish(code, name=pod["metadata"]["name"])

    def tidy(self):
        """Kubelets end what is deleted, and the controller takes notice, until all is quiet."""
        for _ in range(4):
            self.kubelet_ends_deleted_pods()
            self.settle()

    # What the runtime does.

    def refusal(self, change):
        """As the writer does with a create that runs into an object of that name."""
        if isinstance(change, Create) and (there := self.server[change.kind].get(change.key)):
            uid = change.controller_uid
            if not is_ours(there.metadata, uid):
                return name_taken(change.kind, change.key, there.metadata, uid)
        return super().refusal(change)

    # What a test asks.

    def children(self):
        """Everything that the job controls but its pods: kind and name."""
        uid = self.raw(self.planner.kind, "mnist")["metadata"]["uid"]
        return [
            (kind, entry.metadata.name)
            for kind in self.planner.owns
            if kind != POD
            for entry in self.server[kind].list()
            if entry.metadata.controller and entry.metadata.controller.uid == uid
        ]

    def planned_pods(self):
        """The pods, and what a driver makes of its template for executors."""
        found = self.pods()
        if not self.exists(CONFIG_MAP, "sparkjob-mnist-conf"):
            return found
        data = self.raw(CONFIG_MAP, "sparkjob-mnist-conf")["data"]
        template = json.loads(data["executor.json"])
        template["metadata"] |= {"name": "sparkjob-mnist-1-exec-1", "namespace": "default"}
        return [*found, template]


def ready(status="True", message=""):
    """The status of an Identity."""
    condition = {"type": "Ready", "status": status, "reason": "Complete", "message": message}
    return {"observedGeneration": 1, "conditions": [condition]}


def dependencies(sample):
    """Something to install that the kind understands."""
    return {"JVMJob": ["org.example:lib:1"], "SparkJob": ["pandas", "org.example:lib:1"]}.get(
        sample, ["pandas"]
    )


def features(sample):
    """What a job of the kind may ask for, by what it is called."""
    module = {} if sample in ("SparkJob", "JVMJob") else {"entrypoint": "package.train"}
    git = {"url": "https://example.org/code.git", "ref": "main", "secret": "git"}
    single = {
        "nothing": {},
        "an identity": {"identity": "alice"},
        "a volume": {"datasets": [{"name": "volume"}]},
        "a staged file": {"datasets": [{"name": "table", "as": "in"}]},
        "a bucket": {"datasets": [{"name": "bucket"}]},
        "dependencies": {"dependencies": dependencies(sample)},
        "a repository": {"source": {"git": git}, **module},
        "an archive": {"source": {"uri": "s3://bucket/code.zip"}, **module},
        "a GPU": {"framework": "both", "size": "gpu-small"},
    }
    everything = {name: value for spec in single.values() for name, value in spec.items()}
    everything["datasets"] = [{"name": name} for name in DATASETS]
    return {**single, "all of it": everything}


CASES = [(sample, feature) for sample in SAMPLES for feature in features("")]
"""Every kind with everything that it may ask for."""


def case(sample, feature, **spec):
    """A world whose job is planned, up to its pods."""
    world = KindWorld(sample, **features(sample)[feature], **spec)
    world.settle()
    assert world.pods(), (world.status.reason, world.status.message)
    return world
