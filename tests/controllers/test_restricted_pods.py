"""Whatever a tenant asks for, of whatever kind: the pods are restricted, and say so themselves."""

import copy

import pytest
from kind_world import ALICE, CASES, IMAGES, SAMPLES, KindWorld, case, ours
from pod_security import violations

from controllers.jobs import names

ENDS = ("initContainers", "containers")


@pytest.fixture(params=CASES, ids=", ".join)
def world(request):
    return case(*request.param)


@pytest.fixture
def pods(world):
    return world.planned_pods()


def role(pod):
    return pod["metadata"]["labels"][names.ROLE_LABEL]


def containers(pod):
    return [one for field in ENDS for one in pod["spec"].get(field, ())]


def test_every_pod_obeys_the_restricted_standard(pods):
    assert {p["metadata"]["name"]: violations(p["spec"], p["metadata"]) for p in pods} == {
        pod["metadata"]["name"]: [] for pod in pods
    }


def test_every_container_itself_gives_up_what_it_could_have(pods):
    for container in (one for pod in pods for one in containers(pod)):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }


def test_only_the_driver_of_a_spark_job_gets_a_token(pods):
    for pod in pods:
        assert pod["spec"]["automountServiceAccountToken"] is (role(pod) == "driver")
        sources = [next(iter(v.keys() - {"name"})) for v in pod["spec"]["volumes"]]
        assert set(sources) <= {"emptyDir", "configMap", "secret", "persistentVolumeClaim"}


def test_an_account_is_the_identitys_or_the_drivers_own(world, pods):
    named = world.job.spec.identity and ALICE["serviceAccountName"]
    for pod in pods:
        own = "sparkjob-mnist" if role(pod) == "driver" else None
        assert pod["spec"].get("serviceAccountName") == (named or own)


def test_an_image_is_the_frameworks(pods):
    for container in (one for pod in pods for one in containers(pod)):
        assert container["image"] in IMAGES.values()


def test_where_a_pod_runs_is_for_its_size_to_say(world, pods):
    size = world.status.size
    for pod in pods:
        spec = pod["spec"]
        assert spec.keys() <= {
            *("restartPolicy", "automountServiceAccountToken", "enableServiceLinks"),
            *("securityContext", "initContainers", "containers", "volumes"),
            *("serviceAccountName", "hostname", "subdomain", "tolerations"),
        }
        assert len(spec.get("tolerations", ())) == len(size.tolerations)


def writable(world):
    """The directories that a program may write to."""
    asked = {"/data/volume"} if "volume" in {d.name for d in world.job.spec.datasets} else set()
    return {"/mlctl/work", "/mlctl/scratch", "/dev/shm", *asked}


def test_a_program_may_write_only_where_it_works_and_where_a_dataset_says_so(world, pods):
    for pod in pods:
        [main] = pod["spec"]["containers"]
        open_to_it = {m["mountPath"] for m in main["volumeMounts"] if not m.get("readOnly")}
        assert open_to_it <= writable(world)


def test_a_keytab_is_never_the_programs_but_where_a_jvm_logs_in_by_itself(world, pods):
    for pod in pods:
        [main] = pod["spec"]["containers"]
        mounted = {mount["name"] for mount in main["volumeMounts"]}
        family = world.status.framework.type
        logs_in = family == "JVM" or role(pod) == "driver"
        assert "kerberos-keytab" not in mounted or logs_in


@pytest.mark.parametrize("sample", SAMPLES)
def test_none_of_a_tenants_own_marks_reach_a_pod_but_what_reports_go_by(sample):
    world = KindWorld(sample)
    obj = world.raw(world.planner.kind, "mnist")
    marks = {
        "mlctl.dev/kind": "PythonJob",
        "mlctl.dev/attempt": "7",
        "mlctl.dev/tuning": "best",
        "kueue.x-k8s.io/queue-name": "mine",
        "pod-security.kubernetes.io/enforce": "privileged",
        "container.apparmor.security.beta.kubernetes.io/main": "unconfined",
        "team": "a",
    }
    obj["metadata"]["labels"] = marks
    obj["metadata"]["annotations"] = {**marks, "mlctl.dev/project": "churn"}
    world.put(world.planner.kind, obj)
    world.settle()
    for pod in world.planned_pods():
        labels = pod["metadata"]["labels"]
        assert labels.keys() <= {
            *(names.KIND_LABEL, names.NAME_LABEL, names.ROLE_LABEL, names.INDEX_LABEL),
            *(names.ATTEMPT_LABEL, names.MANAGED_BY_LABEL, "mlctl.dev/project"),
        }
        assert labels[names.KIND_LABEL] == world.planner.kind.name
        assert labels.get(names.ATTEMPT_LABEL, "1") == "1"
        assert labels["mlctl.dev/project"] == "churn"
        assert pod["metadata"].get("annotations", {}).keys() <= {"mlctl.dev/applied"}


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_priority_is_what_the_job_says(sample):
    world = KindWorld(sample, priorityClassName="batch")
    world.settle()
    assert {pod["spec"]["priorityClassName"] for pod in world.planned_pods()} == {"batch"}


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample != "SparkJob"])
@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        ({"cpu": "10m", "memory": "1Gi"}, "tiny has 10m of cpu"),
        ({"cpu": "1", "memory": "32Mi"}, "tiny has 32Mi of memory"),
    ],
)
def test_a_size_that_leaves_a_program_nothing_beside_its_sidecar_is_refused(sample, amounts, words):
    world = KindWorld(sample, identity="alice", size="tiny")
    world.add(ours("Size", "tiny", amounts))
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Pending", "SizeUnsuitable")
    assert f"spec.size {words}" in world.status.message
    assert world.pods() == []
    assert world.tries(identity=None) == []
    world.settle()
    assert world.pods()


GOOD = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "main",
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
    ],
}
BAD = {
    "hostNetwork": {"hostNetwork": True},
    "hostPID": {"hostPID": True},
    "hostIPC": {"hostIPC": True},
    "volume hostPath": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
    "volume nfs": {"volumes": [{"name": "v", "nfs": {}}]},
    "sysctls": {"securityContext": {**GOOD["securityContext"], "sysctls": []}},
    "runAsUser": {"securityContext": {**GOOD["securityContext"], "runAsUser": 0}},
    "runAsNonRoot": {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}},
    "seccompProfile": {"securityContext": {"runAsNonRoot": True}},
}
BAD_CONTAINERS = {
    "privileged": {"securityContext": {"privileged": True}},
    "allowPrivilegeEscalation": {"securityContext": {"allowPrivilegeEscalation": True}},
    "runAsNonRoot": {"securityContext": {"runAsNonRoot": False}},
    "runAsUser": {"securityContext": {"runAsUser": 0}},
    "seccompProfile": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    "capabilities drop": {"securityContext": {"capabilities": {"drop": ["CHOWN"]}}},
    "capabilities add": {"securityContext": {"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}},
    "procMount": {"securityContext": {"procMount": "Unmasked"}},
    "seLinuxOptions": {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}},
    "appArmorProfile": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
    "hostProcess": {"securityContext": {"windowsOptions": {"hostProcess": True}}},
    "hostPort": {"ports": [{"hostPort": 80}]},
    "host of httpGet": {"livenessProbe": {"httpGet": {"host": "169.254.169.254"}}},
    "host of tcpSocket": {"lifecycle": {"preStop": {"tcpSocket": {"host": "10.0.0.1"}}}},
}


def test_the_standard_has_nothing_against_the_least_that_it_asks_for():
    assert violations(GOOD) == []


@pytest.mark.parametrize("control", BAD)
def test_the_standard_is_broken_by_each_of_its_controls_of_pods(control):
    assert violations({**GOOD, **BAD[control]}) == [control]


@pytest.mark.parametrize("where", ["initContainers", "containers", "ephemeralContainers"])
@pytest.mark.parametrize("control", BAD_CONTAINERS)
def test_the_standard_is_broken_by_each_of_its_controls_of_containers(control, where):
    spec = copy.deepcopy(GOOD)
    [container] = copy.deepcopy(GOOD["containers"])
    patch = BAD_CONTAINERS[control]
    container |= patch
    own = GOOD["containers"][0]["securityContext"]
    container["securityContext"] = {**own, **patch.get("securityContext", {})}
    spec[where] = [container]
    assert violations(spec) == [control]
