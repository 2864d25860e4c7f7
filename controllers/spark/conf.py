"""The properties of a Spark application: what the platform sets, over what a user may set.

Plain names and numbers in, properties out; facts of apache/spark, resource-managers/kubernetes.
The application's code may set properties as well, and wins over all of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import attrs

from controllers.spark.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable

DRIVER_PORT, BLOCK_MANAGER_PORT, UI_PORT = 7078, 7079, 4040
"""The ports that Spark itself takes on Kubernetes; the firewall of a namespace can know them."""

_API_SERVER = "https://kubernetes.default.svc"
"""Every cluster's own name of its API server, which a pod's search domains complete."""

DEFAULTS = {
    # Without it whoever reaches a port of the application runs code in it. The driver makes the
    # secret and hands it to its executors.
    "spark.authenticate": "true",
    "spark.ui.showConsoleProgress": "false",
}
"""What users may set otherwise."""


@attrs.frozen(kw_only=True)
class Pod:
    """What a JVM's pod gives it."""

    memory: Memory
    cores: int
    cpu: str
    """The quantity that the cores come from."""
    image: str


@attrs.frozen(kw_only=True)
class Executors:
    """How many executors there are; with ``most`` their number moves with the work."""

    instances: int
    least: int = 0
    most: int | None = None


@attrs.frozen(kw_only=True)
class Application:
    """What the platform knows of an application."""

    name: str
    namespace: str
    driver_pod: str
    host: str
    """Where executors find the driver."""
    python: bool
    driver: Pod
    executor: Pod
    executors: Executors
    template: str
    """Where the driver finds the template of its executors' pods."""
    template_container: str
    ivy: str
    """A directory that the driver may write libraries to."""
    identity: Mapping[str, str] = MappingProxyType({})
    """Properties that say as whom the application acts."""


def properties(
    application: Application,
    framework: Mapping[str, str],
    user: Mapping[str, str],
    libraries: Libraries,
) -> dict[str, str]:
    """All properties but those of one attempt: what the platform needs wins, then the user's."""
    return {
        **DEFAULTS,
        "spark.app.name": application.name,
        **framework,
        **user,
        **_libraries(libraries, application.ivy),
        **_places(application),
        **_driver(application),
        **_executor(application),
        **_allocation(application.executors),
        **application.identity,
    }


def of_attempt(application_id: str, prefix: str, labels: Mapping[str, str]) -> dict[str, str]:
    """The properties that tell one attempt of a job from another."""
    return {
        "spark.app.id": application_id,
        "spark.kubernetes.executor.podNamePrefix": prefix,
        **{f"spark.kubernetes.executor.label.{name}": value for name, value in labels.items()},
    }


@attrs.frozen(kw_only=True)
class Libraries:
    """What a job's dependencies are to Spark."""

    packages: tuple[str, ...] = ()
    """Maven coordinates."""
    jars: tuple[str, ...] = ()
    """Addresses."""
    python: tuple[str, ...] = ()
    """Addresses of modules and archives of modules."""
    requirements: tuple[str, ...] = ()
    """What pip installs; Spark does not know of them."""


_PYTHON_FILES = (".py", ".zip", ".egg")
_COORDINATE_COLONS = 2


def libraries(dependencies: Iterable[str]) -> Libraries:
    """Sort a job's dependencies: addresses by what they end in, coordinates by their colons."""
    found: dict[str, list[str]] = {"packages": [], "jars": [], "python": [], "requirements": []}
    for dependency in dependencies:
        if "://" in dependency.partition(" ")[0]:
            kind = "python" if dependency.endswith(_PYTHON_FILES) else "jars"
        elif dependency.count(":") >= _COORDINATE_COLONS and " " not in dependency:
            kind = "packages"
        else:
            kind = "requirements"
        found[kind].append(dependency)
    return Libraries(**{kind: tuple(names) for kind, names in found.items()})


def _libraries(found: Libraries, ivy: str) -> dict[str, str]:
    listed = {
        "spark.jars.packages": found.packages,
        "spark.jars": found.jars,
        "spark.submit.pyFiles": found.python,
    }
    named = {key: ",".join(values) for key, values in listed.items() if values}
    return named | ({"spark.jars.ivy": ivy} if found.packages else {})


def _places(application: Application) -> dict[str, str]:
    return {
        "spark.master": f"k8s://{_API_SERVER}",
        "spark.kubernetes.namespace": application.namespace,
        # As if submitted in cluster mode: the driver then uses the account of its own pod.
        "spark.kubernetes.submitInDriver": "true",
        "spark.kubernetes.resource.type": "python" if application.python else "java",
        "spark.kubernetes.driver.pod.name": application.driver_pod,
        # The driver has rights to pods alone, and volumes are not its own to make.
        "spark.kubernetes.driver.service.deleteOnTermination": "false",
        "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
        "spark.kubernetes.driver.reusePersistentVolumeClaim": "false",
        "spark.driver.host": application.host,
        "spark.driver.port": str(DRIVER_PORT),
        "spark.driver.blockManager.port": str(BLOCK_MANAGER_PORT),
        "spark.blockManager.port": str(BLOCK_MANAGER_PORT),
        "spark.ui.port": str(UI_PORT),
    }


def _driver(application: Application) -> dict[str, str]:
    driver = application.driver
    return {
        "spark.driver.cores": str(driver.cores),
        "spark.driver.memory": f"{driver.memory.heap}m",
        "spark.driver.memoryOverhead": f"{driver.memory.overhead}m",
        "spark.kubernetes.container.image": driver.image,
    }


def _executor(application: Application) -> dict[str, str]:
    executor = application.executor
    return {
        "spark.executor.cores": str(executor.cores),
        "spark.executor.memory": f"{executor.memory.heap}m",
        "spark.executor.memoryOverhead": f"{executor.memory.overhead}m",
        "spark.kubernetes.executor.request.cores": executor.cpu,
        "spark.kubernetes.executor.limit.cores": executor.cpu,
        "spark.kubernetes.executor.container.image": executor.image,
        "spark.kubernetes.executor.podTemplateFile": application.template,
        "spark.kubernetes.executor.podTemplateContainerName": application.template_container,
        # Executors get all they need from their pod, and the driver needs no right to write
        # configuration.
        "spark.kubernetes.executor.disableConfigMap": "true",
    }


def _allocation(executors: Executors) -> dict[str, str]:
    if executors.most is None:
        return {"spark.executor.instances": str(executors.instances)}
    initial = min(max(executors.instances, executors.least), executors.most)
    return {
        "spark.dynamicAllocation.enabled": "true",
        # Kubernetes has no shuffle service: an executor stays while others need what it holds.
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.minExecutors": str(executors.least),
        "spark.dynamicAllocation.maxExecutors": str(executors.most),
        "spark.dynamicAllocation.initialExecutors": str(initial),
    }
