"""The manager's Deployment and what goes with it."""

from __future__ import annotations

import copy
import re

import pytest
from manifest_files import called, objects
from pod_security import violations

from hack.image.__main__ import name as name_of_image
from hack.image.archive import ENTRYPOINT
from hack.image.contents import DIRECTORIES, USER
from mlctl_core.manager.args import DEFAULT_NAMESPACE, ManagerOptions, parse_args
from mlctl_core.manager.health import probes
from mlctl_core.manager.manager import GRACE_SECONDS
from mlctl_core.objects.quantities import parse_quantity

DEPLOYMENT = called("Deployment", "mlctl-manager")
TEMPLATE = DEPLOYMENT["spec"]["template"]
[CONTAINER] = TEMPLATE["spec"]["containers"]
PORTS = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}


def flags():
    return parse_args(CONTAINER["args"])


def test_its_flags_are_those_of_the_manager():
    assert flags().leader_elect


def test_it_listens_where_its_ports_say():
    assert {"metrics": flags().metrics_address.port, "probes": flags().health_address.port} == PORTS
    assert flags().metrics_address.host == flags().health_address.host == ""


def test_metrics_are_for_those_who_may_read_them():
    assert "--metrics-secure" in CONTAINER["args"]


def test_its_role_is_for_the_lease_that_it_takes():
    role = called("Role", "mlctl-leader-election")
    named = [rule["resourceNames"] for rule in role["rules"] if "resourceNames" in rule]
    assert named == [[flags().lease_name]]
    assert role["metadata"]["namespace"] == DEPLOYMENT["metadata"]["namespace"]


def test_probes_ask_for_paths_that_are_served():
    for probe in (CONTAINER["livenessProbe"], CONTAINER["readinessProbe"]):
        assert probe["httpGet"]["path"] in probes(lambda: True)
        assert probe["httpGet"]["port"] in PORTS


def test_there_is_time_to_finish_what_is_being_worked_on():
    assert TEMPLATE["spec"]["terminationGracePeriodSeconds"] > GRACE_SECONDS


class TestImage:
    def test_it_is_the_one_that_is_made_from_this_tree(self):
        assert CONTAINER["image"] == name_of_image()

    def test_it_starts_as_the_image_says_with_the_flags_of_the_manifest(self):
        assert not {"command", "env", "envFrom", "workingDir"} & CONTAINER.keys()
        assert ENTRYPOINT[-2:] == ["-m", "controllers"]

    def test_its_user_is_that_of_the_image(self):
        for where in ("runAsUser", "runAsGroup", "fsGroup"):
            assert TEMPLATE["spec"]["securityContext"][where] == USER

    def test_it_may_write_where_the_image_expects_to(self):
        [volume] = CONTAINER["volumeMounts"]
        assert volume["mountPath"].lstrip("/") in DIRECTORIES


def test_there_is_a_standby_and_a_rollout_keeps_one():
    assert DEPLOYMENT["spec"]["replicas"] == 2
    assert DEPLOYMENT["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


class TestPodSecurity:
    def test_the_pod_is_restricted(self):
        assert violations(TEMPLATE["spec"]) == []

    @pytest.mark.parametrize(
        ("where", "field", "value"),
        [
            ("spec", "hostNetwork", True),
            ("spec", "hostPID", True),
            ("spec", "volumes", [{"name": "host", "hostPath": {"path": "/"}}]),
            ("pod", "runAsUser", 0),
            ("pod", "sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
            ("container", "privileged", True),
            ("container", "allowPrivilegeEscalation", True),
            ("container", "runAsNonRoot", False),
            ("container", "capabilities", {"drop": []}),
            ("container", "capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
            ("container", "seccompProfile", {"type": "Unconfined"}),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_the_standard_forbids_would_be_found(self, where, field, value):
        spec = copy.deepcopy(TEMPLATE["spec"])
        places = {
            "spec": spec,
            "pod": spec["securityContext"],
            "container": spec["containers"][0]["securityContext"],
        }
        places[where][field] = value
        assert violations(spec)

    def test_its_root_is_read_only(self):
        assert CONTAINER["securityContext"]["readOnlyRootFilesystem"]

    def test_the_namespace_holds_everything_in_it_to_the_same(self):
        labels = called("Namespace", DEFAULT_NAMESPACE)["metadata"]["labels"]
        for mode in ("enforce", "audit", "warn"):
            assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"

    def test_the_account_gives_its_token_to_no_pod_that_does_not_ask(self):
        account = called("ServiceAccount", TEMPLATE["spec"]["serviceAccountName"])
        assert account["automountServiceAccountToken"] is False
        assert TEMPLATE["spec"]["automountServiceAccountToken"] is True


def test_every_container_says_what_it_needs_and_may_take():
    for _, document in objects():
        template = document.get("spec", {}).get("template")
        for container in template["spec"]["containers"] if template else ():
            requests, limits = (container["resources"][part] for part in ("requests", "limits"))
            assert requests.keys() == limits.keys() == {"cpu", "memory"}
            for name, requested in requests.items():
                assert parse_quantity(requested) <= parse_quantity(limits[name])


@pytest.mark.parametrize(
    "selector",
    [
        DEPLOYMENT["spec"]["selector"]["matchLabels"],
        called("PodDisruptionBudget", "mlctl-manager")["spec"]["selector"]["matchLabels"],
        called("NetworkPolicy", "mlctl-manager")["spec"]["podSelector"]["matchLabels"],
        called("Service", "mlctl-manager-metrics")["spec"]["selector"],
        *(
            constraint["labelSelector"]["matchLabels"]
            for constraint in TEMPLATE["spec"]["topologySpreadConstraints"]
        ),
    ],
)
def test_what_selects_the_managers_pods_selects_them(selector):
    assert selector.items() <= TEMPLATE["metadata"]["labels"].items()


def test_a_drain_takes_one_and_is_never_held_up_by_a_broken_one():
    budget = called("PodDisruptionBudget", "mlctl-manager")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


class TestNetwork:
    def test_nothing_goes_in_or_out_that_is_not_named(self):
        deny = called("NetworkPolicy", "mlctl-default-deny")["spec"]
        assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    def test_in_go_metrics_and_probes(self):
        rules = called("NetworkPolicy", "mlctl-manager")["spec"]["ingress"]
        assert {port["port"] for rule in rules for port in rule["ports"]} == PORTS.keys()
        [metrics] = [rule for rule in rules if rule["ports"][0]["port"] == "metrics"]
        assert metrics["from"]

    def test_out_go_the_api_server_and_dns(self):
        rules = called("NetworkPolicy", "mlctl-manager")["spec"]["egress"]
        assert {port["port"] for rule in rules for port in rule["ports"]} == {443, 6443, 53}

    def test_the_service_leads_to_the_metrics(self):
        [port] = called("Service", "mlctl-manager-metrics")["spec"]["ports"]
        assert port["targetPort"] in PORTS


def test_the_fence_knows_the_account_the_lease_and_how_an_identity_is_made():
    policy = called("ValidatingAdmissionPolicy", "mlctl-leader-fence")["spec"]
    [condition] = policy["matchConditions"]
    account = f"system:serviceaccount:{DEFAULT_NAMESPACE}:{TEMPLATE['spec']['serviceAccountName']}"
    assert re.findall("'([^']*)'", condition["expression"]) == [account]
    params = called("ValidatingAdmissionPolicyBinding", "mlctl-leader-fence")["spec"]["paramRef"]
    assert (params["namespace"], params["name"]) == (DEFAULT_NAMESPACE, flags().lease_name)
    assert flags().lease_name == ManagerOptions().lease_name
