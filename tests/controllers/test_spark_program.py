from __future__ import annotations

import json

import attrs
import pytest

from apis.v1alpha1.common import Source
from apis.v1alpha1.environment import PlainEnvVar
from apis.v1alpha1.framework import Images, SparkOptions
from apis.v1alpha1.identity import (
    Hadoop,
    Identity,
    IdentitySpec,
    Kerberos,
    KeytabSecret,
    Krb5ConfigMap,
)
from apis.v1alpha1.size import Gpu
from apis.v1alpha1.sparkjob import (
    DynamicAllocation,
    SparkDriver,
    SparkExecutor,
    SparkJob,
    SparkJobSpec,
)
from apis.v1alpha1.status import JobStatus, PinnedFramework, PinnedSize
from controllers.jobs.inputs import Inputs, input_parts
from controllers.jobs.job import Replica
from controllers.jobs.material import Material
from controllers.jobs.names import job_labels
from controllers.jobs.pod import source
from controllers.jobs.pod.pod import pod
from controllers.jobs.resolve import Pins, resources_of_all
from controllers.spark.driver import application_id
from controllers.spark.program import refusal
from controllers.sparkjob import SPARK_JOB, children, named_job, plan, sizes
from mlctl_core.objects.kinds import CLUSTER_ROLE
from mlctl_core.objects.metadata import Metadata, decode_metadata

METADATA = Metadata(name="count", namespace="team-a", uid="uid-1")
SPEC = SparkJobSpec(
    framework="spark",
    size="small",
    entrypoint="count.py",
    args=("--top", "3"),
    source=Source(inline={"count.py": "print(1)"}),
)
LARGE = PinnedSize(name="large", cpu="2", memory="8Gi", gpu=Gpu(resource="nvidia.com/gpu", count=1))


def job(**spec):
    return SparkJob(metadata=METADATA, spec=attrs.evolve(SPEC, **spec))


def made_of(executor=None, memory="4Gi", **framework):
    pinned = PinnedFramework(
        name="spark", type="Spark", image="i", images=Images(cpu="i", gpu="g"), **framework
    )
    size = PinnedSize(name="small", cpu="1", memory=memory)
    pins = Pins(pinned, size, {"executor": executor} if executor else {})
    return Material(pins=pins, parts=source.parts(job(), SPARK_JOB))


def driver_of(job, attempt=1, of=None, **framework):
    roles = SPARK_JOB.roles(job)
    return pod(
        Replica(
            job=job,
            kind=SPARK_JOB,
            roles=roles,
            role=roles[0],
            index=0,
            attempt=attempt,
            material=of or made_of(**framework),
        )
    )


def children_of(job, of=None, **more):
    return {child["kind"]: child for child in children(job, of or made_of(**more))[1:]}


def settings_of(job, of=None, **more):
    data = children_of(job, of, **more)["ConfigMap"]["data"]
    lines = data["spark.properties"].replace("\\:", ":").splitlines()
    return dict(line.split("=", 1) for line in lines), json.loads(data["executor.json"])


def main(pod):
    [found] = pod["spec"]["containers"]
    return found


def env(container):
    return {variable["name"]: variable for variable in container["env"]}


def test_the_driver_is_one_pod_by_its_own_name():
    found = driver_of(job())
    assert found["metadata"]["name"] == "sparkjob-count-driver"
    assert found["metadata"]["labels"]["mlctl.dev/role"] == "driver"
    assert found["metadata"]["finalizers"] == ["mlctl.dev/tracking"]
    assert "subdomain" not in found["spec"]


def test_the_driver_has_the_token_of_an_account_of_its_own():
    spec = driver_of(job())["spec"]
    assert spec["serviceAccountName"] == "sparkjob-count"
    assert spec["automountServiceAccountToken"] is True


def test_the_driver_is_started_as_sparks_images_expect():
    command = main(driver_of(job()))["command"]
    assert command[:2] == ["/opt/entrypoint.sh", "driver"]
    assert command[-3:] == ["/mlctl/code/count.py", "--top", "3"]
    assert "spark.kubernetes.executor.podNamePrefix=sparkjob-count-1" in command
    assert "spark.kubernetes.executor.label.mlctl.dev/attempt=1" in command


def test_another_attempt_is_another_application():
    one, two = (main(driver_of(job(), attempt)) for attempt in (1, 2))
    [first] = [word for word in one["command"] if word.startswith("spark.app.id=")]
    assert first not in two["command"]
    assert env(one)["SPARK_APPLICATION_ID"]["value"] == first.removeprefix("spark.app.id=")


def test_a_framework_may_start_spark_its_own_way():
    found = driver_of(job(), command=("python", "start.py"))
    assert main(found)["command"][:3] == ["python", "start.py", "driver"]
    _, template = settings_of(job(), command=("python", "start.py"))
    assert main(template)["command"] == ["python", "start.py"]


def test_the_ports_are_those_of_the_service():
    ports = {port["name"]: port["containerPort"] for port in main(driver_of(job()))["ports"]}
    service = children_of(job())["Service"]
    assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == ports
    assert service["metadata"]["name"] == "sparkjob-count-driver-svc"
    labels = driver_of(job())["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    _, template = settings_of(job())
    assert not service["spec"]["selector"].items() <= template["metadata"]["labels"].items()


def test_everything_beside_the_driver_says_whose_it_is():
    for child in children(job(), made_of()):
        assert child["metadata"]["labels"] == job_labels("SparkJob", "count", {})
        assert child["metadata"]["namespace"] == "team-a"


def test_an_executor_is_a_pod_like_any_of_the_job():
    own, (_, template) = driver_of(job()), settings_of(job())
    for field in ("securityContext", "enableServiceLinks", "restartPolicy"):
        assert template["spec"][field] == own["spec"][field]
    for field in ("securityContext", "workingDir"):
        assert main(template)[field] == main(own)[field]
    assert template["spec"]["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in template["spec"]
    assert template["metadata"] == {
        "labels": {**job_labels("SparkJob", "count", {}), "mlctl.dev/role": "executor"}
    }
    paths = {mount["mountPath"] for mount in main(template)["volumeMounts"]}
    assert paths == {"/mlctl/code", "/mlctl/work"}


def test_an_executor_gets_what_its_size_says():
    sized = job(executor=SparkExecutor(size="large", instances=2))
    settings, template = settings_of(sized, executor=LARGE)
    amounts = {"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": "1"}
    assert main(template)["resources"] == {"requests": amounts, "limits": amounts}
    assert settings["spark.executor.cores"] == "2"
    assert settings["spark.executor.memory"] == "5852m"
    assert settings["spark.executor.memoryOverhead"] == "2340m"
    assert settings["spark.kubernetes.executor.container.image"] == "g"
    assert settings["spark.kubernetes.container.image"] == "i"
    assert settings["spark.driver.memory"] == "2926m"
    assert settings["spark.executor.instances"] == "2"


def test_a_jvm_application_has_more_heap_and_no_python_path():
    settings, template = settings_of(job(entrypoint="local:///opt/a.jar", source=None))
    assert settings["spark.driver.memory"] == "3712m"
    assert "PYTHONPATH" not in env(main(template))


def test_variables_reach_driver_and_executors():
    framework = {
        "env": (PlainEnvVar(name="A", value="1"), PlainEnvVar(name="PYTHONPATH", value="/x"))
    }
    for found in (driver_of(job(), **framework), settings_of(job(), **framework)[1]):
        variables = env(main(found))
        assert variables["A"]["value"] == "1"
        assert variables["PYTHONPATH"]["value"] == "/mlctl/dependencies:/mlctl/code:/x"


def test_requirements_are_installed_for_driver_and_executors_and_the_rest_is_sparks():
    needy = job(dependencies=("pandas>=2", "org.postgresql:postgresql:42.7.4"))
    settings, template = settings_of(needy)
    assert settings["spark.jars.packages"] == "org.postgresql:postgresql:42.7.4"
    for found in (driver_of(needy), template):
        [step] = found["spec"]["initContainers"]
        assert "pandas>=2" in step["command"]
        assert not any("postgresql" in word for word in step["command"])


def test_dynamic_allocation_is_told():
    settings, _ = settings_of(job(dynamic_allocation=DynamicAllocation(min=1, max=4)))
    assert settings["spark.dynamicAllocation.maxExecutors"] == "4"
    assert settings["spark.dynamicAllocation.shuffleTracking.enabled"] == "true"


@pytest.mark.parametrize(
    ("spec", "of", "reason", "words"),
    [
        ({}, {"memory": "512Mi"}, "SizeUnsuitable", "spec.size small has 512Mi"),
        (
            {"executor": SparkExecutor(size="tiny")},
            {"executor": PinnedSize(name="tiny", cpu="1", memory="895Mi")},
            "SizeUnsuitable",
            "spec.executor.size tiny has 895Mi of memory, and a Spark executor needs 896Mi",
        ),
        (
            {"conf": {"spark.master": "local[*]"}},
            {},
            "ConfRefused",
            "spec.conf: spark.master is the platform's",
        ),
    ],
    ids=["size", "size of executors", "conf"],
)
def test_what_cannot_run_is_refused_with_the_field_and_the_fix(spec, of, reason, words):
    found = refusal(job(**spec), made_of(**of), None)
    assert found.reason == reason
    assert words in found.message


KERBEROS = Kerberos(
    principal="alice@EXAMPLE.ORG",
    keytab_secret=KeytabSecret(name="alice"),
    krb5_config_map=Krb5ConfigMap(name="krb5"),
)


def with_identity(**spec):
    identity = Identity(metadata=METADATA, spec=IdentitySpec(**spec))
    inputs = Inputs(identity=identity)
    parts = input_parts(job(), inputs, SPARK_JOB.identity)
    return attrs.evolve(made_of(), inputs=inputs, parts=parts)


def volumes(pod):
    return {volume["name"] for volume in pod["spec"]["volumes"]}


def test_the_driver_logs_in_and_executors_do_not():
    made = with_identity(kerberos=KERBEROS, hadoop=Hadoop(config_map="hadoop"))
    driver = driver_of(job(), of=made)
    settings, template = settings_of(job(), of=made)
    assert settings["spark.kerberos.principal"] == "alice@EXAMPLE.ORG"
    mounts = {mount["mountPath"]: mount for mount in main(driver)["volumeMounts"]}
    keytab = settings["spark.kerberos.keytab"]
    assert mounts[keytab.rpartition("/")[0]]["name"] == "kerberos-keytab"
    assert volumes(driver) - volumes(template) == {"spark", "scratch", "kerberos-keytab"}
    assert {"krb5-conf", "hadoop-conf"} <= volumes(template)
    for found in (driver, template):
        assert env(main(found))["HADOOP_CONF_DIR"]["value"]
        assert "initContainers" not in found["spec"]


def test_an_identity_without_kerberos_says_nothing_of_it():
    settings, _ = settings_of(job(), of=with_identity(hadoop=Hadoop(config_map="hadoop")))
    assert not any("kerberos" in key for key in settings)


def test_an_account_of_the_identity_is_the_drivers_and_gets_its_rights():
    made = with_identity(service_account_name="alice")
    driver = driver_of(job(), of=made)
    assert driver["spec"]["serviceAccountName"] == "alice"
    assert driver["spec"]["automountServiceAccountToken"] is True
    [subject] = children_of(job(), of=made)["RoleBinding"]["subjects"]
    assert subject["name"] == "alice"
    _, template = settings_of(job(), of=made)
    assert template["spec"]["serviceAccountName"] == "alice"
    assert template["spec"]["automountServiceAccountToken"] is False


def test_what_can_run_is_not_refused():
    assert refusal(job(), made_of(), None) is None


def test_every_size_is_watched():
    named = job(driver=SparkDriver(size="a"), executor=SparkExecutor(size="b"))
    assert [key.name for key in sizes(named)] == ["a", "b", "small"]


def test_a_driver_and_an_executor_concern_their_job_alone():
    labels = job_labels("SparkJob", "count", {})

    def jobs(**other):
        metadata = {"name": "x", "namespace": "team-a", "labels": labels | other}
        return list(named_job(decode_metadata(json.dumps({"metadata": metadata}).encode())))

    assert [key.name for key in jobs(**{"mlctl.dev/role": "driver"})] == ["count"]
    assert [key.name for key in jobs(**{"mlctl.dev/role": "executor"})] == ["count"]
    assert not jobs(**{"mlctl.dev/kind": "PythonJob"})


def test_executors_count_towards_what_the_job_holds():
    pins = made_of(executor=LARGE).pins
    three = SPARK_JOB.roles(job(executor=SparkExecutor(instances=3)))
    held = resources_of_all(three, pins)
    assert held == {"cpu": "7", "memory": "28Gi", "nvidia.com/gpu": "3"}
    upto = SPARK_JOB.roles(job(dynamic_allocation=DynamicAllocation(max=5)))
    assert resources_of_all(upto, pins)["cpu"] == "11"


OPTIONS = SparkOptions(
    conf={"spark.eventLog.enabled": "true", "spark.eventLog.dir": "s3a://logs", "spark.sql.x": "1"},
    history_server="https://history.example.org/",
)


def shown(phase, options=OPTIONS, **conf):
    pinned = attrs.evolve(made_of().pins.framework, spark=options)
    status = JobStatus(phase=phase, attempt=2, framework=pinned)
    return SPARK_JOB.links(job(conf=conf), status)


def test_properties_of_the_framework_come_before_the_users():
    settings, _ = settings_of(job(conf={"spark.sql.x": "2"}), spark=OPTIONS)
    assert settings["spark.eventLog.dir"] == "s3a://logs"
    assert settings["spark.sql.x"] == "2"


def test_a_job_that_runs_links_to_its_page_and_one_that_ran_to_its_history():
    history = f"https://history.example.org/history/{application_id(METADATA.uid, attempt=2)}/jobs/"
    ui = "http://sparkjob-count-driver-svc.team-a.svc:4040"
    assert shown("Running") == {"ui": ui, "history": history}
    assert shown("Succeeded") == shown("Failed") == {"history": history}
    assert shown("Preparing") == shown("Restarting") == shown("Suspended") == {}


def test_without_event_logs_or_a_server_there_is_no_history():
    assert shown("Failed", **{"spark.eventLog.enabled": "false"}) == {}
    assert shown("Failed", SparkOptions(conf=OPTIONS.conf)) == {}
    assert shown("Failed", None) == {}


def test_the_manager_may_bind_one_role_alone():
    binds = [right for right in plan.rights if right.kind == CLUSTER_ROLE]
    assert [(right.verb, right.name) for right in binds] == [("bind", "mlctl-spark-driver")]
