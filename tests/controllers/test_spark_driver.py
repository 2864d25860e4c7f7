from __future__ import annotations

import json

import pytest

from controllers.spark import executors, rbac, service
from controllers.spark.driver import (
    application_id,
    command,
    environment,
    executor_prefix,
    resource,
)

FILE = ("--properties-file", "/mlctl/spark/spark.properties")

RESOURCES = {
    "count.py": "/mlctl/code/count.py",
    "jobs/count.py": "/mlctl/code/jobs/count.py",
    "app.jar": "/mlctl/code/app.jar",
    "local:///opt/pi.py": "/opt/pi.py",
    "local:///opt/app.jar": "local:///opt/app.jar",
    "hdfs://nn/app.jar": "hdfs://nn/app.jar",
    "https://example.org/app.py": "https://example.org/app.py",
}


@pytest.mark.parametrize(("entrypoint", "named"), RESOURCES.items(), ids=RESOURCES)
def test_an_entrypoint_is_a_file_of_the_code_or_an_address(entrypoint, named):
    assert resource(entrypoint, "/mlctl/code", "org.example.Main") == named


@pytest.mark.parametrize(
    ("entrypoint", "named"),
    [
        ("local:///opt/app.jar", "/opt/app.jar"),
        ("hdfs://nn/app.jar", "hdfs://nn/app.jar"),
        ("app.jar", "/mlctl/code/app.jar"),
    ],
)
def test_a_jar_that_spark_must_look_into_is_named_by_its_path(entrypoint, named):
    """Spark knows no file system of the scheme local, and reads a manifest through one."""
    assert resource(entrypoint, "/mlctl/code") == named


def test_a_python_application_is_run_by_sparks_own_runner():
    assert command(["/opt/entrypoint.sh"], {}, "/mlctl/code/count.py", args=["--top", "3"]) == (
        "/opt/entrypoint.sh",
        "driver",
        *FILE,
        *("--class", "org.apache.spark.deploy.PythonRunner"),
        "/mlctl/code/count.py",
        *("--top", "3"),
    )


def test_a_jar_is_run_by_its_class():
    found = command(["run"], {}, "hdfs://nn/app.jar", main_class="org.example.Main")
    assert found == ("run", "driver", *FILE, "--class", "org.example.Main", "hdfs://nn/app.jar")


def test_a_jar_whose_manifest_names_its_class_needs_no_other():
    assert command(["run"], {}, "a.jar") == ("run", "driver", *FILE, "a.jar")


def test_what_only_this_attempt_has_is_on_the_command_line():
    attempt = {"spark.b": "2", "spark.app.id": "spark-1"}
    found = command(["run"], attempt, "a.jar")
    assert found[2:6] == ("--conf", "spark.app.id=spark-1", "--conf", "spark.b=2")


def test_the_driver_binds_the_address_of_its_pod():
    by_name = {variable["name"]: variable for variable in environment("spark-1")}
    assert by_name["SPARK_APPLICATION_ID"]["value"] == "spark-1"
    field = by_name["SPARK_DRIVER_BIND_ADDRESS"]["valueFrom"]["fieldRef"]
    assert field == {"apiVersion": "v1", "fieldPath": "status.podIP"}
    assert by_name["SPARK_LOCAL_DIRS"]["value"] == "/mlctl/scratch"


def test_every_attempt_of_every_job_is_an_application_of_its_own():
    ids = {application_id(uid, attempt) for uid in ("a", "b") for attempt in (1, 2)}
    assert len(ids) == 4
    assert application_id("a", 1) in ids
    assert all(len(found) == len("spark-") + 32 for found in ids)


NAMES = ["a", "a" * 20, "a" * 40, "b-" * 19 + "b", "a" * 39 + "b"]


def test_names_of_executors_fit_and_never_meet():
    found = [
        executor_prefix(f"sparkjob-{name}", attempt) for name in NAMES for attempt in (1, 2, 1000)
    ]
    assert len(set(found)) == len(found)
    assert all(len(prefix) <= 38 and "--" not in prefix for prefix in found)
    assert found[0] == "sparkjob-a-1"


def test_a_template_has_all_but_what_is_one_pods_own():
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "x",
            "namespace": "team-a",
            "labels": {"a": "b", "mlctl.dev/index": "0", "mlctl.dev/attempt": "1"},
            "finalizers": ["mlctl.dev/tracking"],
        },
        "spec": {"hostname": "x", "subdomain": "y", "containers": [{"name": "main"}]},
    }
    found = executors.template(pod)
    assert found == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "main"}]},
    }
    assert json.loads(executors.text(found)) == found


def test_a_drivers_account_may_do_what_the_one_role_says():
    metadata = {"name": "sparkjob-count", "namespace": "team-a", "labels": {"a": "b"}}
    account = rbac.service_account(metadata)
    assert account["automountServiceAccountToken"] is False
    binding = rbac.role_binding(metadata, "sparkjob-count")
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "mlctl-spark-driver",
    }
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "sparkjob-count", "namespace": "team-a"}
    ]


def test_the_driver_is_found_by_its_service_before_it_is_ready():
    metadata = {"name": service.name("sparkjob-count"), "namespace": "team-a"}
    found = service.driver_service(metadata, {"mlctl.dev/role": "driver"})
    assert found["spec"]["clusterIP"] == "None"
    assert found["spec"]["publishNotReadyAddresses"] is True
    assert found["spec"]["selector"] == {"mlctl.dev/role": "driver"}
    ports = {port["name"]: port["port"] for port in found["spec"]["ports"]}
    assert ports == {"driver-rpc-port": 7078, "blockmanager": 7079, "spark-ui": 4040}
    assert service.host("sparkjob-count", "team-a") == "sparkjob-count-driver-svc.team-a.svc"
    assert service.host("p", "n", "cluster.local") == "p-driver-svc.n.svc.cluster.local"


def test_the_longest_name_of_a_service_is_a_label():
    assert len(service.name(f"sparkjob-{'a' * 40}")) <= 63
