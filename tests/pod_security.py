"""What the Pod Security standard `restricted` has against a pod.

The controls are those of the standard's own document, baseline's among them, each by the field
that it is about. Where the standard leaves a choice that none of our pods needs (sysctls, options
of SELinux and AppArmor) having any is a violation here.
"""

from __future__ import annotations

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SECCOMP = {"RuntimeDefault", "Localhost"}
HOST = ("hostNetwork", "hostPID", "hostIPC")
OPTIONS = ("sysctls", "seLinuxOptions", "appArmorProfile")
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def violations(spec, metadata=None):
    """Name each control that the pod breaks, by its field."""
    pod = spec.get("securityContext", {})
    found = [field for field in HOST if spec.get(field)]
    for volume in spec.get("volumes", ()):
        found += [f"volume {kind}" for kind in volume.keys() - VOLUMES - {"name"}]
    found += _of_context(pod)
    annotations = (metadata or {}).get("annotations") or {}
    found += [key for key in annotations if key.startswith(APPARMOR)]
    for field in CONTAINERS:
        for container in spec.get(field, ()):
            found += _of_container(container, pod)
    return found


def _of_context(context):
    yield from (field for field in OPTIONS if field in context)
    if context.get("runAsUser") == 0:
        yield "runAsUser"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "hostProcess"


def _of_container(container, pod):
    own = container.get("securityContext", {})
    yield from _of_context(own)
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
        yield "runAsNonRoot"
    if own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") not in SECCOMP:
        yield "seccompProfile"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()):
        yield "capabilities drop"
    if set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
        yield "capabilities add"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "hostPort"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"
    yield from _of_hooks(container)


def _of_hooks(container):
    """Who probes a container, or is told of its start and end, is the pod itself."""
    lifecycle = container.get("lifecycle") or {}
    hooks = [container.get(probe) for probe in PROBES] + list(lifecycle.values())
    for hook in filter(None, hooks):
        for way in ("httpGet", "tcpSocket"):
            if (hook.get(way) or {}).get("host"):
                yield f"host of {way}"
