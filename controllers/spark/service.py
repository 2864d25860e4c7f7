"""The headless Service by which executors find the driver, and people its web page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from controllers.spark.conf import BLOCK_MANAGER_PORT, DRIVER_PORT, UI_PORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlctl_core.objects.json import Json

PORTS = (
    ("driver-rpc-port", DRIVER_PORT),
    ("blockmanager", BLOCK_MANAGER_PORT),
    ("spark-ui", UI_PORT),
)
"""As Spark itself names them."""


def name(prefix: str) -> str:
    """The Service of a job: ``sparkjob-count-driver-svc``."""
    return f"{prefix}-driver-svc"


def host(prefix: str, namespace: str, cluster_domain: str = "") -> str:
    """Where the driver is found."""
    domain = f".{cluster_domain}" if cluster_domain else ""
    return f"{name(prefix)}.{namespace}.svc{domain}"


def driver_service(metadata: Json, selector: Mapping[str, str]) -> Json:
    """The Service; it lists the driver before it is ready, as its first executors need it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": dict(selector),
            "ports": [
                {"name": name, "port": number, "targetPort": number, "protocol": "TCP"}
                for name, number in PORTS
            ],
        },
    }
