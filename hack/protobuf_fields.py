"""Writes the table of protobuf fields that the embedded API server reads request bodies by.

Go clients (kubectl create among them) send built-in kinds as protobuf, and a server cannot ask
them for JSON. The numbers, types and JSON names of fields are facts of the wire format; they
are read from the generated.proto and types.go files of the Go modules k8s.io/api and
k8s.io/apimachinery, which `go mod download` brings:

    python hack/protobuf_fields.py MODCACHE/k8s.io/api@v0.37.2 \
        MODCACHE/k8s.io/apimachinery@v0.37.2

Each message becomes one line of fields, `number:name:type` with these marks after the type:
`*` a list, `%` a map with string keys, `^` stands inline in the JSON of its owner, `?` means
something also when it is zero (a pointer in Go).
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

TARGET = (
    Path(__file__).parent.parent / "mlctl_core" / "embedded" / "apiserver" / "protobuf_fields.json"
)

_META = "meta.v1"
PREFIXES = (".k8s.io.api.", ".k8s.io.apimachinery.pkg.apis.", ".k8s.io.apimachinery.pkg.")
ROOTS = {
    "core.v1": """
        Binding ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume
        PersistentVolumeClaim Pod PodTemplate ResourceQuota Secret Service ServiceAccount
    """,
    "apps.v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "authentication.v1": "SelfSubjectReview TokenRequest TokenReview",
    "authorization.v1": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    "autoscaling.v1": "Scale",
    "batch.v1": "CronJob Job",
    "coordination.v1": "Lease",
    "discovery.v1": "EndpointSlice",
    "events.v1": "Event",
    "networking.v1": "Ingress IngressClass NetworkPolicy",
    "policy.v1": "Eviction PodDisruptionBudget",
    "rbac.v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "scheduling.v1": "PriorityClass",
    "storage.v1": "StorageClass",
    _META: "DeleteOptions",
}

_PACKAGE = re.compile(r"^package ([\w.]+);$", re.MULTILINE)
_MESSAGE = re.compile(r"^message (\w+) \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(
    r"^  (?:(repeated|optional) ([\w.]+)|map<string, ([\w.]+)>) (\w+) = (\d+);$", re.MULTILINE
)
_STRUCT = re.compile(r"^type (\w+) struct \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_GO_FIELD = re.compile(
    r'^\t(?:\w+\s+)?(\S+)\s+`json:"(\w*)[^"]*" protobuf:"\w+,(\d+),', re.MULTILINE
)


def short(name: str, package: str) -> str:
    """`core.v1.Pod` for `.k8s.io.api.core.v1.Pod` and for `Pod` in that package."""
    if "." not in name:
        return f"{package}.{name}" if name[0].isupper() else name
    prefix = next(prefix for prefix in PREFIXES if name.startswith(prefix))
    return name.removeprefix(prefix)


def go_fields(directory: Path) -> dict[str, dict[str, tuple[str, str]]]:
    """(Go type, JSON name) by struct and field number; an embedded struct has no name."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for file in directory.glob("*.go"):
        if file.name.startswith("zz_") or "_test" in file.name or ".pb." in file.name:
            continue
        for struct, body in _STRUCT.findall(file.read_text(encoding="utf-8")):
            for kind, name, number in _GO_FIELD.findall(body):
                found.setdefault(struct, {})[number] = (kind, name)
    return found


def messages_of(file: Path) -> dict[str, dict[str, str]]:
    """Field texts by name, for each message of a generated.proto."""
    text = file.read_text(encoding="utf-8")
    package = short(f".{_PACKAGE.search(text)[1]}.X", "").removesuffix(".X")
    structs = go_fields(file.parent)
    messages = {}
    for message, body in _MESSAGE.findall(text):
        fields = {}
        for label, kind, value, name, number in _FIELD.findall(body):
            go_type, json_name = structs.get(message, {}).get(number, ("", name))
            type_ = short(kind or value, package)
            marks = "*" if label == "repeated" else "%" if value else ""
            if number in structs.get(message, {}) and not json_name and "." in type_:
                marks += "^"
            elif go_type.startswith("*"):
                marks += "?"
            fields[name] = f"{number}:{json_name or name}:{type_}{marks}"
        messages[f"{package}.{message}"] = fields
    return messages


def main(modules: list[str]) -> None:
    """Write the table from the modules' directories."""
    known: dict[str, dict[str, str]] = {}
    for module in modules:
        for file in sorted(Path(module).rglob("generated.proto")):
            known.update(messages_of(file))
    wanted = [f"{package}.{kind}" for package, kinds in ROOTS.items() for kind in kinds.split()]
    table: dict[str, str] = {}
    while wanted:
        name = wanted.pop()
        if name in table or name not in known:
            continue
        table[name] = " ".join(known[name].values())
        wanted.extend(field.split(":")[2].rstrip("*%^?") for field in known[name].values())
    TARGET.write_text(json.dumps(table, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{len(table)} messages in {TARGET}")


if __name__ == "__main__":
    main(sys.argv[1:])
