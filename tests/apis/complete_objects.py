"""Objects of every kind that together set every field that can be set."""

from __future__ import annotations

from apis.v1alpha1.dataset import Dataset
from apis.v1alpha1.framework import Framework
from apis.v1alpha1.identity import Identity
from apis.v1alpha1.jvmjob import JVMJob
from apis.v1alpha1.pythonjob import PythonJob
from apis.v1alpha1.size import Size
from apis.v1alpha1.sparkjob import SparkJob
from apis.v1alpha1.tensorflowjob import TensorFlowJob

SOURCES = {
    "inline": {"train.py": "print(1)"},
    "configMap": {"name": "code"},
    "git": {
        "url": "https://example.org/code.git",
        "ref": "main",
        "subdirectory": "src",
        "secret": "git",
    },
    "uri": "https://example.org/code.zip",
}
VARIABLES = {
    "value": "text",
    "secretKeyRef": {"name": "secret", "key": "token"},
    "configMapKeyRef": {"name": "settings", "key": "host"},
}
_JOB = {
    "framework": "any",
    "size": "small",
    "identity": "alice",
    "args": ["--epochs", "3"],
    "env": [{"name": f"V{n}", name: value} for n, (name, value) in enumerate(VARIABLES.items())],
    "source": {"inline": SOURCES["inline"]},
    "datasets": [{"name": "digits", "as": "in"}],
    "priorityClassName": "batch",
    "suspend": False,
    "backoffLimit": 1,
    "infraBackoffLimit": 1,
    "activeDeadlineSeconds": 60,
    "startDeadlineSeconds": 60,
    "ttlSecondsAfterFinished": 60,
    "cleanPodPolicy": "Running",
}
_ROLE = {"replicas": 1, "size": "small", "restartPolicy": "OnFailure"}


def _of(cls, *specs):
    metadata = {"name": "sample"}
    if cls not in (Framework, Size):
        metadata["namespace"] = "team-a"
    kind = {"apiVersion": "mlctl.dev/v1alpha1", "kind": cls.__name__, "metadata": metadata}
    return [{**kind, "spec": spec} for spec in specs]


def _of_job(cls, module, **spec):
    """The job with each sort of source; one of them has its entrypoint elsewhere."""
    first = {**_JOB, **spec}
    others = ({**first, "source": {name: SOURCES[name]}} for name in SOURCES if name != "inline")
    return _of(cls, first, *({**other, "entrypoint": module} for other in others))


_SECRET_FILES = [
    {"name": "files", "mountPath": "/files"},
    {"name": "values", "env": [{"name": "TOKEN", "key": "token"}]},
]
COMPLETE = {
    PythonJob: _of_job(
        PythonJob,
        "package.module",
        entrypoint="train.py",
        dependencies=["pandas>=2"],
        replicas=2,
        processesPerReplica=2,
        elastic={"min": 1, "max": 3},
    ),
    TensorFlowJob: _of_job(
        TensorFlowJob,
        "package.module",
        entrypoint="train.py",
        dependencies=["pandas>=2"],
        roles=dict.fromkeys(("chief", "worker", "ps", "evaluator"), _ROLE),
        successPolicy="AllWorkers",
    ),
    SparkJob: _of_job(
        SparkJob,
        "local:///opt/app.jar",
        entrypoint="train.py",
        dependencies=["pandas>=2", "org.example:lib:1"],
        driver={"size": "small"},
        executor={"size": "small", "instances": 2},
        dynamicAllocation={"min": 1, "max": 3},
        conf={"spark.sql.shuffle.partitions": "8"},
    )
    + _of(
        SparkJob,
        {
            "framework": "any",
            "size": "small",
            "entrypoint": "local:///opt/app.jar",
            "mainClass": "org.example.Main",
        },
    ),
    JVMJob: _of_job(
        JVMJob,
        "org.example.Main",
        entrypoint="org.example.Main",
        dependencies=["org.example:lib:1"],
        jvmOptions=["-Xss4m"],
    )
    + _of(
        JVMJob,
        {
            "framework": "any",
            "size": "small",
            "entrypoint": "app.jar",
            "mainClass": "org.example.Main",
            "source": {"configMap": {"name": "code"}},
        },
    ),
    Identity: _of(
        Identity,
        {
            "kerberos": {
                "principal": "alice@EXAMPLE.ORG",
                "keytabSecret": {"name": "alice", "key": "keytab"},
                "krb5ConfigMap": {"name": "krb5", "key": "krb5.conf"},
            },
            "hadoop": {"configMap": "hadoop"},
            "secrets": _SECRET_FILES,
            "configMaps": [{"name": "settings", "mountPath": "/settings"}, _SECRET_FILES[1]],
            "serviceAccountName": "reader",
        },
    ),
    Dataset: _of(
        Dataset,
        {
            "uri": "https://example.org/digits.csv",
            "identity": "alice",
            "mode": "Stage",
            "mountPath": "/data/in",
            "readOnly": True,
            "version": "3",
            "sha256": "0" * 64,
        },
    ),
    Framework: [
        obj
        for family, options in (
            ("TensorFlow", {"tensorflow": {"evaluatorInCluster": True, "sparseClusterSpec": True}}),
            ("Python", {"python": {"packagesReadOnly": True}}),
            (
                "Spark",
                {"spark": {"conf": {"spark.a": "b"}, "historyServer": "https://example.org"}},
            ),
        )
        for obj in _of(
            Framework,
            {
                "type": family,
                "version": "1",
                "images": {"cpu": "example.org/cpu:1", "gpu": "example.org/gpu:1"},
                "command": ["run"],
                "env": [{"name": "A", "value": "b"}],
                "driverVersion": "535.104",
                "deprecated": {"message": "old", "redirect": "newer"},
                "hidden": False,
                **options,
            },
        )
    ],
    Size: _of(
        Size,
        {
            "cpu": "2",
            "memory": "4Gi",
            "ephemeralStorage": "10Gi",
            "sharedMemory": "1Gi",
            "gpu": {"resource": "nvidia.com/gpu", "count": 1},
            "nodeSelector": {"example.org/pool": "gpu"},
            "tolerations": [
                {
                    "key": "a",
                    "operator": "Equal",
                    "value": "b",
                    "effect": "NoExecute",
                    "tolerationSeconds": 3,
                }
            ],
        },
    ),
}

LATER = {
    "queue": "night",
    "checkpoint": {"path": "/checkpoint", "claim": "checkpoints", "graceSeconds": 30},
    "storage": {"size": "1Gi", "className": "fast"},
    "maxPerNamespace": 3,
}
"""What a later version will do something about, and this one refuses."""
