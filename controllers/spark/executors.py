"""The template that a driver makes its executors' pods from.

The same pod that any replica of the job would get, so that size, code, data, identity and
security reach executors as they reach the driver; what a driver sets itself is left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from controllers.jobs import names

if TYPE_CHECKING:
    from mlctl_core.objects.json import Json

_OF_ONE_POD = (names.INDEX_LABEL, names.ATTEMPT_LABEL)
"""Spark counts its executors by a label of its own, and is told the attempt when it starts: the
template is the same for all."""


def template(pod: Json) -> Json:
    """Make a pod the template of others: without a name, or what is done for it alone."""
    labels = {k: v for k, v in pod["metadata"]["labels"].items() if k not in _OF_ONE_POD}
    spec = {k: v for k, v in pod["spec"].items() if k not in ("hostname", "subdomain")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": labels}, "spec": spec}


def text(template: Json) -> str:
    """The template as a file: JSON is YAML, and nothing in it is syntax by accident."""
    return json.dumps(template, indent=1, sort_keys=True) + "\n"
