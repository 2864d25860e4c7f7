"""Keeps one Deployment and one Service in step with each Website."""

from __future__ import annotations

from typing import Annotated, Any

import attrs

from mlctl_core import Manager, Metadata, Plan, Schema, View, crd, planner, resource


@attrs.frozen(kw_only=True)
class WebsiteSpec:
    """What is served."""

    image: Annotated[str, Schema(max_length=512)]
    """Image of the server."""
    replicas: Annotated[int, Schema(minimum=0, maximum=100)] = 1
    """How many servers."""


@attrs.frozen(kw_only=True)
class WebsiteStatus:
    """What is there."""

    ready_replicas: Annotated[int, Schema(minimum=0, maximum=100)] = 0
    """Servers that answer."""


@resource(group="example.org", version="v1", plural="websites")
@attrs.frozen(kw_only=True)
class Website:
    """A site that is served from one image."""

    metadata: Metadata
    spec: WebsiteSpec
    """What is served."""
    status: WebsiteStatus = WebsiteStatus()
    """What is there."""


def deployment(site: Website) -> dict[str, Any]:
    labels = {"app": site.metadata.name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": site.metadata.name, "labels": labels},
        "spec": {
            "replicas": site.spec.replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": site.spec.image}]},
            },
        },
    }


def service(site: Website) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": site.metadata.name},
        "spec": {"selector": {"app": site.metadata.name}, "ports": [{"port": 80}]},
    }


@planner(Website, owns=["apps/v1/Deployment", "v1/Service"], field_manager="website")
def plan(site: Website, view: View) -> Plan:
    observed = view.owned("apps/v1/Deployment", name=site.metadata.name)
    return Plan(
        apply=[deployment(site), service(site)],
        status={"readyReplicas": observed.status.ready_replicas if observed else 0},
    )


WEBSITE_CRD = crd(Website)

if __name__ == "__main__":
    Manager.from_args().add(plan).run()
