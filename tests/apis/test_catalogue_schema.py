from __future__ import annotations

import pytest

from apis.v1alpha1.framework import Framework
from apis.v1alpha1.size import Size

FRAMEWORK = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "Framework",
    "metadata": {"name": "tensorflow-1.7"},
    "spec": {"type": "TensorFlow", "version": "1.7", "images": {"cpu": "example.org/tf:1.7"}},
}
SIZE = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "Size",
    "metadata": {"name": "gpu-large"},
    "spec": {"cpu": 2, "memory": "4Gi"},
}


def spec(**fields):
    return {"spec": fields}


GOOD_FRAMEWORKS = {
    "the shortest framework": {},
    "images by digest": spec(
        images={"cpu": "r.example.org:5000/tf@sha256:" + "0" * 64, "gpu": "tf:1.7-gpu"}
    ),
    "a command and variables": spec(command=["python", "-u"], env=[{"name": "A", "value": "b"}]),
    "a deprecated one": spec(deprecated={"message": "old", "redirect": "tensorflow-2.17"}),
    "a hidden one": spec(hidden=True),
    "a driver version": spec(driverVersion="535.104"),
    "TensorFlow options": spec(tensorflow={"evaluatorInCluster": True, "sparseClusterSpec": True}),
    "Python options": spec(python={"packagesReadOnly": True}),
    "Spark options": spec(
        type="Spark",
        spark={
            "conf": {"spark.eventLog.enabled": "true", "spark.eventLog.dir": "s3a://logs"},
            "historyServer": "https://history.example.org",
        },
    ),
}
BAD_FRAMEWORKS = {
    "no image": (spec(images={"cpu": None}), "spec.images.cpu", "Required value"),
    "an image with a space": (spec(images={"cpu": "a b"}), "spec.images.cpu", "should match"),
    "an unknown family": (spec(type="Caffe"), "spec.type", "Unsupported value"),
    "a driver version in words": (spec(driverVersion="newest"), "spec.driverVersion", "match"),
    "TensorFlow options of another family": (
        spec(type="PyTorch", tensorflow={}),
        "spec.tensorflow",
        "remove it, or change type",
    ),
    "Python options of a family without Python": (
        spec(type="JVM", python={"packagesReadOnly": True}),
        "spec.python",
        "remove it, or change type",
    ),
    "Spark options of another family": (
        spec(spark={"conf": {"spark.x": "y"}}),
        "spec.spark",
        "remove it, or change type",
    ),
    "a history server without a scheme": (
        spec(type="Spark", spark={"historyServer": "history.example.org"}),
        "spec.spark.historyServer",
        "match",
    ),
    "a variable of the platform's": (
        spec(env=[{"name": "MLCTL_X", "value": "1"}]),
        "spec.env[0].name",
        "set by the platform",
    ),
    "a secret variable": (
        spec(env=[{"name": "A", "secretKeyRef": {"name": "s", "key": "k"}}]),
        "spec.env[0].secretKeyRef",
        "unknown field",
    ),
    "a name too long for a label": (
        {"metadata": {"name": "a" * 64}},
        "metadata.name",
        "at most 63",
    ),
}

GOOD_SIZES = {
    "the shortest size": {},
    "all of a size": spec(
        cpu="500m",
        memory="1.5Gi",
        ephemeralStorage="10Gi",
        sharedMemory="1Gi",
        gpu={"resource": "nvidia.com/mig-1g.5gb", "count": 2},
        nodeSelector={"example.org/pool": "gpu"},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    ),
    "a toleration of everything": spec(tolerations=[{"operator": "Exists"}]),
}
BAD_SIZES = {
    "no memory": (spec(memory=None), "spec.memory", "Required value"),
    "no core": (spec(cpu=0), "spec.cpu", "greater than or equal to 1"),
    "no memory at all": (spec(memory="0Gi"), "spec.memory", "should match"),
    "negative memory": (spec(memory="-1Gi"), "spec.memory", "should match"),
    "an unknown unit": (spec(memory="4GB"), "spec.memory", "should match"),
    "a GPU without a vendor": (
        spec(gpu={"resource": "gpu", "count": 1}),
        "spec.gpu.resource",
        "should match",
    ),
    "no GPU at all": (
        spec(gpu={"resource": "nvidia.com/gpu", "count": 0}),
        "spec.gpu.count",
        "greater than or equal to 1",
    ),
    "a quota": (spec(maxPerNamespace=3), "spec.maxPerNamespace", "limit use with a ResourceQuota"),
    "a toleration of nothing": (
        spec(tolerations=[{"effect": "NoSchedule"}]),
        "spec.tolerations[0].operator",
        "without a key the operator must be Exists",
    ),
    "a toleration that exists with a value": (
        spec(tolerations=[{"key": "a", "operator": "Exists", "value": "b"}]),
        "spec.tolerations[0].value",
        "remove value",
    ),
    "a toleration for a time of what does not evict": (
        spec(tolerations=[{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 3}]),
        "spec.tolerations[0].effect",
        "needs effect NoExecute",
    ),
    "a name too long for a label": (
        {"metadata": {"name": "a" * 64}},
        "metadata.name",
        "at most 63",
    ),
}


@pytest.mark.parametrize("patch", GOOD_FRAMEWORKS.values(), ids=GOOD_FRAMEWORKS)
def test_a_good_framework_is_accepted(refusals, patch):
    assert refusals(Framework, FRAMEWORK, patch) == []


@pytest.mark.parametrize(("patch", "field", "message"), BAD_FRAMEWORKS.values(), ids=BAD_FRAMEWORKS)
def test_a_bad_framework_is_refused_and_the_field_is_named(refusals, patch, field, message):
    found = refusals(Framework, FRAMEWORK, patch)
    assert any(error.startswith(f"{field}: ") and message in error for error in found), found


@pytest.mark.parametrize("patch", GOOD_SIZES.values(), ids=GOOD_SIZES)
def test_a_good_size_is_accepted(refusals, patch):
    assert refusals(Size, SIZE, patch) == []


@pytest.mark.parametrize(("patch", "field", "message"), BAD_SIZES.values(), ids=BAD_SIZES)
def test_a_bad_size_is_refused_and_the_field_is_named(refusals, patch, field, message):
    found = refusals(Size, SIZE, patch)
    assert any(error.startswith(f"{field}: ") and message in error for error in found), found
