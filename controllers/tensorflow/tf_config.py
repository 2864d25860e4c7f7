"""TF_CONFIG: how the processes of a distributed TensorFlow program find each other.

Promises the bytes that the training operator writes (training-operator v1,
pkg/controller.v1/tensorflow): no spaces, ``cluster`` before ``task`` before ``environment``, the
roles of the cluster in alphabetical order and in lower case, the index a number.

It departs from them in two places. The operator lists the evaluator in every process's cluster,
for which the others then wait (tensorflow#30121); here only the evaluator itself sees it, since
tf.distribute wants a task's type to be in its own cluster. And the operator's sparse form leaves
a chief or an evaluator out of its own cluster, which the same check refuses.

Plain text in, text out: addresses are given, and nothing here knows of pods.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PORT = 2222
"""Where each process serves the others, by convention of TensorFlow's own examples."""
PORT_NAME = "tensorflow"

CHIEF, WORKER, PARAMETER_SERVER, EVALUATOR = "chief", "worker", "ps", "evaluator"

Hosts: TypeAlias = "Mapping[str, Sequence[str]]"
"""``host:port`` of every replica, by role and in order of their index."""


def tf_config(
    hosts: Hosts,
    role: str,
    index: int,
    *,
    sparse: bool = False,
    evaluator_in_cluster: bool = False,
) -> str | None:
    """The value of TF_CONFIG for one replica; None for one that is alone and needs none.

    Args:
        hosts: all replicas; a role without any may be left out.
        role: of the replica that asks, one of ``hosts``.
        index: of the replica within its role.
        sparse: each worker sees itself and the parameter servers alone, so that workers may come
            and go.
        evaluator_in_cluster: everybody sees the evaluator, as old Estimators were given it.
    """
    present = {name: list(hosts[name]) for name in sorted(hosts) if hosts[name]}
    if sum(map(len, present.values())) <= 1:
        return None
    task = {"type": role, "index": index}
    if sparse:
        return _text({"cluster": _sparse(present, role, index), "task": task})
    visible = {
        name: addresses
        for name, addresses in present.items()
        if name != EVALUATOR or role == EVALUATOR or evaluator_in_cluster
    }
    return _text({"cluster": visible, "task": task, "environment": "cloud"})


def _sparse(hosts: Hosts, role: str, index: int) -> dict[str, object]:
    own = hosts[role][index]
    servers = list(hosts.get(PARAMETER_SERVER, ()))
    if role == WORKER:
        return {WORKER: {str(index): own}, PARAMETER_SERVER: servers}
    if role == PARAMETER_SERVER:
        return {WORKER: {}, PARAMETER_SERVER: [own]}
    return {WORKER: {}, PARAMETER_SERVER: servers, role: [own]}


def _text(config: Mapping[str, object]) -> str:
    return json.dumps(config, separators=(",", ":"))
