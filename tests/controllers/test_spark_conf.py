from __future__ import annotations

import attrs
import pytest

from apis.v1alpha1.spark_conf import refused
from controllers.spark.conf import (
    Application,
    Executors,
    Libraries,
    Pod,
    libraries,
    of_attempt,
    properties,
)
from controllers.spark.memory import Memory

APPLICATION = Application(
    name="count",
    namespace="team-a",
    driver_pod="sparkjob-count-driver",
    host="sparkjob-count-driver-svc.team-a.svc",
    python=True,
    driver=Pod(memory=Memory(1463, 585), cores=1, cpu="500m", image="spark:4"),
    executor=Pod(memory=Memory(2926, 1170), cores=4, cpu="4", image="spark:4-gpu"),
    executors=Executors(instances=3),
    template="/mlctl/spark/executor.json",
    template_container="main",
    ivy="/mlctl/work/ivy",
)
WHOLE = {
    "spark.app.name": "count",
    "spark.authenticate": "true",
    "spark.blockManager.port": "7079",
    "spark.driver.blockManager.port": "7079",
    "spark.driver.cores": "1",
    "spark.driver.host": "sparkjob-count-driver-svc.team-a.svc",
    "spark.driver.memory": "1463m",
    "spark.driver.memoryOverhead": "585m",
    "spark.driver.port": "7078",
    "spark.executor.cores": "4",
    "spark.executor.instances": "3",
    "spark.executor.memory": "2926m",
    "spark.executor.memoryOverhead": "1170m",
    "spark.kubernetes.container.image": "spark:4",
    "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
    "spark.kubernetes.driver.pod.name": "sparkjob-count-driver",
    "spark.kubernetes.driver.reusePersistentVolumeClaim": "false",
    "spark.kubernetes.driver.service.deleteOnTermination": "false",
    "spark.kubernetes.executor.container.image": "spark:4-gpu",
    "spark.kubernetes.executor.disableConfigMap": "true",
    "spark.kubernetes.executor.limit.cores": "4",
    "spark.kubernetes.executor.podTemplateContainerName": "main",
    "spark.kubernetes.executor.podTemplateFile": "/mlctl/spark/executor.json",
    "spark.kubernetes.executor.request.cores": "4",
    "spark.kubernetes.namespace": "team-a",
    "spark.kubernetes.resource.type": "python",
    "spark.kubernetes.submitInDriver": "true",
    "spark.master": "k8s://https://kubernetes.default.svc",
    "spark.ui.port": "4040",
    "spark.ui.showConsoleProgress": "false",
}


NOTHING = Libraries()


def made(framework=(), user=(), found=NOTHING, **application):
    application = attrs.evolve(APPLICATION, **application)
    return properties(application, dict(framework), dict(user), found)


def test_the_whole_of_an_application():
    assert made() == WHOLE


def test_the_users_properties_win_over_the_frameworks_and_over_defaults():
    framework = {"spark.eventLog.dir": "hdfs://nn/logs", "spark.sql.x": "1"}
    user = {"spark.sql.x": "2", "spark.authenticate": "false", "spark.app.name": "mine"}
    assert made(framework, user) == WHOLE | framework | user


@pytest.mark.parametrize("key", sorted(WHOLE.keys()))
def test_what_the_platform_needs_is_nobody_elses_to_set(key):
    is_default = key in {"spark.app.name", "spark.authenticate", "spark.ui.showConsoleProgress"}
    assert (refused(key) is None) == is_default
    assert (made(user={key: "x"})[key] == "x") == is_default
    assert (made(framework={key: "x"})[key] == "x") == is_default


@pytest.mark.parametrize(
    ("instances", "initial"), [(1, "2"), (2, "2"), (4, "4"), (9, "5")], ids=str
)
def test_dynamic_allocation_tracks_shuffles(instances, initial):
    found = made(executors=Executors(instances=instances, least=2, most=5))
    moving = {key: value for key, value in found.items() if "dynamicAllocation" in key}
    assert moving == {
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.minExecutors": "2",
        "spark.dynamicAllocation.maxExecutors": "5",
        "spark.dynamicAllocation.initialExecutors": initial,
    }
    assert "spark.executor.instances" not in found
    assert all(refused(key) for key in moving)


def test_as_whom_the_application_acts_is_what_the_identity_says():
    kerberos = {"spark.kerberos.principal": "alice@EXAMPLE.ORG", "spark.kerberos.keytab": "/k"}
    user = {"spark.kerberos.keytab": "/mine"}
    assert made(user=user, identity=kerberos) == WHOLE | kerberos


def test_a_jvm_application_says_so():
    assert made(python=False)["spark.kubernetes.resource.type"] == "java"


def test_dependencies_are_sorted_by_what_they_are():
    found = libraries(
        [
            "org.postgresql:postgresql:42.7.4",
            "https://example.org/a.jar",
            "hdfs://nn/b.zip",
            "s3a://bucket/c.egg",
            "local:///opt/d.py",
            "pandas>=2",
            "mine @ https://example.org/mine.whl",
            "numpy",
        ]
    )
    assert found == Libraries(
        packages=("org.postgresql:postgresql:42.7.4",),
        jars=("https://example.org/a.jar",),
        python=("hdfs://nn/b.zip", "s3a://bucket/c.egg", "local:///opt/d.py"),
        requirements=("pandas>=2", "mine @ https://example.org/mine.whl", "numpy"),
    )
    assert {k: v for k, v in made(found=found).items() if k not in WHOLE} == {
        "spark.jars": "https://example.org/a.jar",
        "spark.jars.ivy": "/mlctl/work/ivy",
        "spark.jars.packages": "org.postgresql:postgresql:42.7.4",
        "spark.submit.pyFiles": "hdfs://nn/b.zip,s3a://bucket/c.egg,local:///opt/d.py",
    }


def test_an_attempt_has_names_of_its_own():
    found = of_attempt("spark-1", "sparkjob-count-2", {"mlctl.dev/attempt": "2"})
    assert found == {
        "spark.app.id": "spark-1",
        "spark.kubernetes.executor.podNamePrefix": "sparkjob-count-2",
        "spark.kubernetes.executor.label.mlctl.dev/attempt": "2",
    }
    assert all(refused(key) for key in found)
