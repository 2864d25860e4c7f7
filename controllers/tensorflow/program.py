"""What a replica of a TensorFlowJob runs: the entrypoint, told of its peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from apis.v1alpha1.framework import TensorFlowOptions
from controllers.jobs.pod import python
from controllers.tensorflow.tf_config import PORT, PORT_NAME, tf_config

if TYPE_CHECKING:
    from controllers.jobs.job import Program, Replica


def program(replica: Replica) -> Program:
    """The Python program, with TF_CONFIG unless it is alone."""
    plain = python.program(replica)
    options = replica.material.pins.framework.tensorflow or TensorFlowOptions()
    config = tf_config(
        hosts(replica),
        replica.role.name,
        replica.index,
        sparse=options.sparse_cluster_spec,
        evaluator_in_cluster=options.evaluator_in_cluster,
    )
    env = plain.env if config is None else (*plain.env, {"name": "TF_CONFIG", "value": config})
    return attrs.evolve(plain, env=env, ports=((PORT_NAME, PORT),))


def hosts(replica: Replica) -> dict[str, list[str]]:
    """Where every replica of the job serves, by role."""
    return {
        role.name: [f"{replica.host(role.name, index)}:{PORT}" for index in range(role.replicas)]
        for role in replica.roles
    }
