"""What a pod's GPUs, or its lack of them, mean for its environment and its node. Pure.

Sharing out GPUs is the work of the nodes' device plugins. Left to this module is what they do
not do: images made for GPUs ask for all of a node's GPUs by a variable of their own, which
NVIDIA's container runtime obeys also in pods that asked for none; and a plugin does not know
which driver an image needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apis.v1alpha1.size import Gpu
    from mlctl_core.objects.json import Json

_NVIDIA = "nvidia.com/"

# Labels that GPU feature discovery gives to nodes: major, minor and revision of the driver.
# Today's names, and those of releases before 0.16, which still come along.
_DRIVER_LABELS = (
    tuple(f"nvidia.com/cuda.driver-version.{part}" for part in ("major", "minor", "revision")),
    tuple(f"nvidia.com/cuda.driver.{part}" for part in ("major", "minor", "rev")),
)


def variables(gpu: Gpu | None) -> dict[str, str]:
    """The variables that NVIDIA's container runtime reads.

    Which GPUs a pod sees is said by the device plugin; a variable of the pod would override it.
    """
    if gpu is None:
        return {"NVIDIA_VISIBLE_DEVICES": "void"}
    if gpu.resource.startswith(_NVIDIA):
        return {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
    return {}


def driver_affinity(version: str | None, gpu: Gpu | None) -> Json | None:
    """The affinity that keeps a pod off nodes whose driver is older than ``version``.

    None where there is nothing to keep off from: no version, no GPU, or one of another maker,
    whose nodes have no such labels.
    """
    if version is None or gpu is None or not gpu.resource.startswith(_NVIDIA):
        return None
    numbers = [int(part) for part in version.split(".")]
    terms = [term for labels in _DRIVER_LABELS for term in _at_least(numbers, labels)]
    required = {"nodeSelectorTerms": terms}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def _at_least(numbers: list[int], labels: tuple[str, ...]) -> list[Json]:
    """Terms of which one holds if the labels' version is at least that of ``numbers``.

    Either all parts but the last are equal and the last is not lower, or one part is higher and
    those before it are equal. Numbers are compared as numbers: a revision is written ``03``.
    """
    terms = []
    for length in range(1, len(numbers) + 1):
        *equal, last = numbers[:length]
        lowest = last if length == len(numbers) else last + 1
        expressions = [e for i, n in enumerate(equal) for e in _exactly(labels[i], n)]
        expressions.append(_above(labels[length - 1], lowest - 1))
        terms.append({"matchExpressions": expressions})
    return terms


def _exactly(label: str, number: int) -> list[Json]:
    return [
        _above(label, number - 1),
        {"key": label, "operator": "Lt", "values": [str(number + 1)]},
    ]


def _above(label: str, number: int) -> Json:
    return {"key": label, "operator": "Gt", "values": [str(number)]}
