"""Defaults of pods, pod templates and containers, as core/v1 fills them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

_POD: Final[Json] = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}

_PROBE: Final[Json] = {
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}

_VOLUME_MODE: Final = 0o644

_TOKEN_SECONDS: Final = 3600


def default_pod(pod: Json) -> None:
    """Fill in a pod, its status included."""
    spec = pod.setdefault("spec", {})
    default_pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for container in _containers(spec):
        _requests_from_limits(container)
    if spec.get("hostNetwork"):
        for container in _containers(spec):
            for port in container.get("ports") or ():
                if not port.get("hostPort"):
                    port["hostPort"] = port.get("containerPort")
    status = pod.setdefault("status", {})
    _addresses(status)
    times_of_conditions(status, "lastProbeTime", "lastTransitionTime")


def times_of_conditions(status: Json, *names: str) -> None:
    """Write null for a time that is not set: Go holds these by value, and never omits them."""
    for condition in status.get("conditions") or ():
        for name in names:
            condition.setdefault(name, None)


def _addresses(status: Json) -> None:
    """Keep a pod's address and the list that begins with it in step; the one is believed."""
    address, several = status.get("podIP"), status.get("podIPs")
    if address and (not several or several[0].get("ip") != address):
        status["podIPs"] = [{"ip": address}]
    elif several and not address:
        status["podIP"] = several[0].get("ip", "")


def default_pod_template(template: Json) -> None:
    """Fill in the template of a workload's pods."""
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))


def default_pod_spec(spec: Json) -> None:
    """Fill in what a pod and a template have in common."""
    for name, value in _POD.items():
        if not spec.get(name) and spec.get(name) != 0:
            spec[name] = value
    spec.setdefault("securityContext", {})
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in _containers(spec):
        _default_container(container)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def _containers(spec: Json) -> list[Json]:
    groups = ("initContainers", "containers", "ephemeralContainers")
    return [container for group in groups for container in spec.get(group) or ()]


def _default_container(container: Json) -> None:
    defaults = {
        "imagePullPolicy": pull_policy(container.get("image") or ""),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    for name, value in defaults.items():
        if not container.get(name):
            container[name] = value
    container.setdefault("resources", {})
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or ():
        _default_field(variable.get("valueFrom") or {})
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _default_probe(container[name])
    for hook in ("postStart", "preStop"):
        handler = (container.get("lifecycle") or {}).get(hook)
        if handler:
            _default_handler(handler)


def _default_probe(probe: Json) -> None:
    for name, value in _PROBE.items():
        if not probe.get(name):
            probe[name] = value
    _default_handler(probe)


def _default_handler(handler: Json) -> None:
    http = handler.get("httpGet")
    if http is not None:
        if not http.get("path"):
            http["path"] = "/"
        if not http.get("scheme"):
            http["scheme"] = "HTTP"
    if "grpc" in handler:
        handler["grpc"].setdefault("service", "")


def pull_policy(image: str) -> str:
    """Always for the tag `latest` and for no tag at all, else IfNotPresent."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    latest = tag == "latest" or (not tag and not digest)
    return "Always" if latest else "IfNotPresent"


def _requests_from_limits(container: Json) -> None:
    limits = container["resources"].get("limits") or {}
    if limits:
        requests = container["resources"].setdefault("requests", {})
        for name, value in limits.items():
            requests.setdefault(name, value)


_WITH_MODE: Final = ("configMap", "secret", "downwardAPI", "projected")


def _default_volume(volume: Json) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for source in _WITH_MODE:
        if isinstance(volume.get(source), dict):
            volume[source].setdefault("defaultMode", _VOLUME_MODE)
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        _default_field(item)
    for part in (volume.get("projected") or {}).get("sources") or ():
        if "serviceAccountToken" in part:
            part["serviceAccountToken"].setdefault("expirationSeconds", _TOKEN_SECONDS)
        for item in (part.get("downwardAPI") or {}).get("items") or ():
            _default_field(item)
    claim = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if claim:
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def _default_field(item: dict[str, Any]) -> None:
    if "fieldRef" in item:
        item["fieldRef"].setdefault("apiVersion", "v1")
    if "resourceFieldRef" in item:
        item["resourceFieldRef"].setdefault("divisor", "0")
