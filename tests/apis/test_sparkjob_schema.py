from __future__ import annotations

import pytest

from apis.v1alpha1.spark_conf import REFUSED, refused
from apis.v1alpha1.sparkjob import SparkJob

JOB = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "SparkJob",
    "metadata": {"name": "count"},
    "spec": {
        "framework": "spark",
        "size": "small",
        "entrypoint": "count.py",
        "source": {"inline": {"count.py": "print(1)"}},
    },
}


def spec(**fields):
    return {"spec": fields}


def jar(entrypoint="local:///opt/app.jar", **fields):
    return spec(entrypoint=entrypoint, source=None, **fields)


ACCEPTED = {
    "a Python application": {},
    "a jar of the image": jar(),
    "a class of a jar": jar(mainClass="org.example.Count$Main"),
    "a jar of HDFS": jar("hdfs://nn/apps/app-1.0.jar"),
    "a jar of the source": spec(
        entrypoint="lib/app.jar", source={"configMap": {"name": "apps"}, "inline": None}
    ),
    "a Python file of the image": jar("local:///opt/spark/examples/pi.py"),
    "all sorts of dependencies": spec(
        dependencies=[
            "org.postgresql:postgresql:42.7.4",
            "https://example.org/lib/a.jar",
            "hdfs://nn/lib/b.zip",
            "pandas>=2",
        ]
    ),
    "sizes of their own": spec(driver={"size": "small"}, executor={"size": "large"}),
    "executors": spec(executor={"instances": 3}),
    "as many as the work needs": spec(dynamicAllocation={"min": 0, "max": 10}),
    "the most from the beginning": spec(
        executor={"instances": 2}, dynamicAllocation={"min": 1, "max": 2}
    ),
    "properties": spec(
        conf={
            "spark.sql.shuffle.partitions": "8",
            "spark.hadoop.fs.s3a.endpoint": "https://s3.example.org",
            "spark.dynamicAllocation.executorIdleTimeout": "30s",
            "spark.eventLog.enabled": "true",
            "spark.kubernetes.allocation.batch.size": "10",
            "spark.kerberos.access.hadoopFileSystems": "hdfs://other",
            "spark.executor.extraJavaOptions": "-Dx=y",
        }
    ),
}

REFUSALS = {
    "an entrypoint that is no application": (spec(entrypoint="count"), "spec.entrypoint", ".py or"),
    "one of the driver's own disk": (jar("file:///etc/x.py"), "spec.entrypoint", "the address of"),
    "two at once": (jar("https://a/b.py,c.py"), "spec.entrypoint", "the address of"),
    "a file without a source": (spec(source=None), "spec.entrypoint", "there is no source"),
    "a file that the source lacks": (
        spec(entrypoint="cuont.py"),
        "spec.entrypoint",
        "no file of source.inline",
    ),
    "a class of a Python file": (spec(mainClass="Main"), "spec.mainClass", "name a jar"),
    "a class that is none": (jar(mainClass="--conf"), "spec.mainClass", "match"),
    "a dependency that is an option": (
        spec(dependencies=["--index-url=x"]),
        "spec.dependencies[0]",
        "requirement of pip",
    ),
    "a dependency with an option": (
        spec(dependencies=["pandas --pre"]),
        "spec.dependencies[0]",
        "no options of pip",
    ),
    "no executor": (spec(executor={"instances": 0}), "spec.executor.instances", "equal to 1"),
    "too many executors": (spec(executor={"instances": 1025}), "spec.executor.instances", "1024"),
    "fewer than the fewest": (
        spec(dynamicAllocation={"min": 3, "max": 2}),
        "spec.dynamicAllocation.min",
        "set min to at most max",
    ),
    "more in the beginning than the most": (
        spec(executor={"instances": 3}, dynamicAllocation={"max": 2}),
        "spec.executor.instances",
        "lower it, or raise max",
    ),
    "no most": (spec(dynamicAllocation={"min": 3}), "spec.dynamicAllocation.max", "Required"),
    "roles": (spec(roles={"worker": {}}), "spec.roles", "unknown field"),
    "a size that is no name": (spec(driver={"size": "A!"}), "spec.driver.size", "match"),
    "properties that are no text": (
        spec(conf={"spark.x": 1}),
        "spec.conf.spark.x",
        "of type string",
    ),
    "a variable of the driver's": (
        spec(env=[{"name": "SPARK_DRIVER_BIND_ADDRESS", "value": "0.0.0.0"}]),
        "spec.env",
        "set by the platform",
    ),
    "a name of forty-one characters": ({"metadata": {"name": "a" * 41}}, "metadata.name", "40"),
}

REFUSED_PROPERTIES = {
    "spark.master": "the cluster and in the namespace",
    "spark.submit.deployMode": "the cluster and in the namespace",
    "spark.kubernetes.namespace": "the cluster and in the namespace",
    "spark.kubernetes.container.image": "spec.framework",
    "spark.kubernetes.executor.container.image.pullPolicy": "spec.framework",
    "spark.kubernetes.authenticate.driver.serviceAccountName": "spec.identity",
    "spark.kubernetes.driver.secrets.token": "spec.identity",
    "spark.kubernetes.executor.secretKeyRef.X": "spec.identity",
    "spark.kerberos.keytab": "spec.identity",
    "spark.kubernetes.driver.volumes.hostPath.x.mount.path": "spec.datasets",
    "spark.kubernetes.executor.volumes.hostPath.x.options.path": "spec.datasets",
    "spark.driver.memory": "spec.driver.size",
    "spark.executor.memoryOverhead": "spec.executor.size",
    "spark.executor.cores": "spec.executor.size",
    "spark.memory.offHeap.size": "spec.executor.size",
    "spark.kubernetes.executor.request.cores": "spec.executor.size",
    "spark.executor.instances": "spec.executor.instances",
    "spark.dynamicAllocation.maxExecutors": "spec.dynamicAllocation",
    "spark.jars": "spec.dependencies",
    "spark.jars.packages": "spec.dependencies",
    "spark.driver.host": "remove it",
    "spark.driver.bindAddress": "remove it",
    "spark.app.id": "remove it",
    "spark.submit.pyFiles": "spec.dependencies",
    "spark.submit.callSystemExitOnMainExit": "remove it",
    "spark.kubernetes.driver.pod.name": "is the platform's",
    "spark.kubernetes.executor.podTemplateFile": "is the platform's",
    "spark.kubernetes.executor.label.mlctl.dev/name": "is the platform's",
    "spark.kubernetes.executor.scheduler.name": "is the platform's",
    "spark.kubernetes.driver.master": "is the platform's",
    "spark.kubernetes.executor.podNamePrefix": "is the platform's",
    "hadoop.security.authentication": "is no property of Spark",
    f"spark.{'x' * 300}": "is no property of Spark",
}


@pytest.mark.parametrize("patch", ACCEPTED.values(), ids=ACCEPTED)
def test_a_good_job_is_accepted(refusals, patch):
    assert refusals(SparkJob, JOB, patch) == []


@pytest.mark.parametrize(("patch", "field", "message"), REFUSALS.values(), ids=REFUSALS)
def test_a_bad_job_is_refused_and_the_field_is_named(refusals, patch, field, message):
    found = refusals(SparkJob, JOB, patch)
    assert any(error.startswith(f"{field}: ") and message in error for error in found), found


@pytest.mark.parametrize(("key", "instead"), REFUSED_PROPERTIES.items(), ids=range(33))
def test_a_property_that_is_not_the_users_is_refused_once_by_name(refusals, key, instead):
    [found] = refusals(SparkJob, JOB, spec(conf={"spark.sql.x": "1", key: "y"}))
    assert found.startswith("spec.conf: ")
    assert f"{key} " in found
    assert instead in found


def test_the_rules_of_the_server_and_of_the_controller_are_the_same(refusals):
    edges = [prefix for each in REFUSED for prefix in each.prefixes]
    keys = [*edges, *(edge.rstrip(".") for edge in edges), *(f"{edge}x" for edge in edges)]
    for key in (*keys, *ACCEPTED["properties"]["spec"]["conf"], *REFUSED_PROPERTIES):
        by_the_server = refusals(SparkJob, JOB, spec(conf={key: "y"}))
        assert bool(by_the_server) == (refused(key) is not None), key
        if by_the_server:
            assert [f"{key} {refused(key)}"] == [
                error.partition(": Invalid value: ")[2].partition(": ")[2]
                or error.removeprefix("spec.conf: ").removeprefix("Forbidden: ")
                for error in by_the_server
            ], key


RUNNING = {**JOB, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    "patch",
    [
        spec(conf={"spark.sql.shuffle.partitions": "8"}),
        spec(driver={"size": "large"}),
        spec(executor={"instances": 2}),
        spec(dynamicAllocation={"max": 2}),
        spec(args=["x"]),
    ],
    ids=["conf", "driver", "executor", "dynamicAllocation", "args"],
)
def test_what_an_application_is_made_of_changes_only_without_pods(refusals, patch):
    [field] = patch["spec"]
    [found] = refusals(SparkJob, RUNNING, patch, update=True)
    assert found.startswith(f"spec.{field}: ")
    assert "suspend it first" in found
    assert refusals(SparkJob, JOB, patch, update=True) == []
