"""The template that a driver makes its executors' pods from.

The same pod that any replica of the job would get, so that size, code, data, identity and
security reach executors as they reach the driver; what a driver sets itself is left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

_OWN_METADATA = ("labels",)
_NOT_ITS_OWN = ("hostname", "subdomain")


def template(pod: Json) -> Json:
    """Make a pod the template of others: without a name, a place, or what is done for one."""
    metadata = {name: pod["metadata"][name] for name in _OWN_METADATA if name in pod["metadata"]}
    spec = {name: value for name, value in pod["spec"].items() if name not in _NOT_ITS_OWN}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def text(template: Json) -> str:
    """The template as a file: JSON is YAML, and nothing in it is syntax by accident."""
    return json.dumps(template, indent=1, sort_keys=True) + "\n"
