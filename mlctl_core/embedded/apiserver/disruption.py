"""The last words in the status of a pod that has to go through no fault of its own (KEP-3329).

Whoever owns the pod learns from them that it did not fail; whoever deletes it says so first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlctl_core.embedded.apiserver.conversion import from_stored
from mlctl_core.embedded.apiserver.updating import commit

if TYPE_CHECKING:
    from mlctl_core.embedded.apiserver.cluster import Cluster
    from mlctl_core.embedded.apiserver.options import WriteOptions
    from mlctl_core.embedded.apiserver.records import Record
    from mlctl_core.embedded.apiserver.resources import Resource
    from mlctl_core.objects.json import Json

ENDED = ("Succeeded", "Failed")
CONDITION = "DisruptionTarget"


def disrupted(
    cluster: Cluster,
    resource: Resource,
    record: Record,
    why: tuple[str, str],
    options: WriteOptions,
    *,
    failed: bool = False,
) -> Record:
    """Store the condition, with ``why`` as reason and message; gives the pod as it is then.

    ``failed`` makes it the pod's end as well, for one whose node will not report any.
    """
    pod = from_stored(record, resource)
    status = pod.setdefault("status", {})
    conditions: list[Json] = status.setdefault("conditions", [])
    before = next((one for one in conditions if one.get("type") == CONDITION), None)
    unchanged = before is not None and before.get("status") == "True"
    condition: Json = {
        "type": CONDITION,
        "status": "True",
        "reason": why[0],
        "message": why[1],
        "lastProbeTime": None,
        "lastTransitionTime": before["lastTransitionTime"]
        if before is not None and unchanged
        else cluster.now(),
    }
    if before is None:
        conditions.append(condition)
    else:
        conditions[conditions.index(before)] = condition
    if failed:
        status["phase"] = "Failed"
    return commit(cluster, resource, record, pod, options, subresource="status")
