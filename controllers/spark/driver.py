"""The driver's command and environment, as the entrypoint of Spark's own images takes them.

The controller makes the driver's pod itself, with what ``spark-submit --deploy-mode cluster``
would have put there: no JVM runs for a submission (apache/spark, BasicDriverFeatureStep and
DriverCommandFeatureStep).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlctl_core.objects.json import Json

ENTRYPOINT = ("/opt/entrypoint.sh",)
"""Of Spark's own images: ``driver`` or ``executor`` follows."""
PYTHON_RUNNER = "org.apache.spark.deploy.PythonRunner"

SETTINGS = "/mlctl/spark"
"""The directory of the two files below, in the driver."""
PROPERTIES_FILE = "spark.properties"
TEMPLATE_FILE = "executor.json"
SCRATCH = "/mlctl/scratch"
"""Where shuffles and spills go, in the driver and in executors."""

_MAX_PREFIX = 38
"""Of an executor's pod: Spark refuses longer ones, as ``-exec-`` and a long number follow."""
_HASH_LENGTH = 8
_SCHEME = "://"
_LOCAL = "local://"


def is_python(entrypoint: str) -> bool:
    """Whether the application is written in Python."""
    return entrypoint.endswith(".py")


def resource(entrypoint: str, code: str, main_class: str = "") -> str:
    """What the entrypoint names: a file of the directory ``code``, or an address.

    ``local://`` is a path in the image. A Python interpreter knows only the path, and so does
    Spark where it has to look into a jar for its main class.
    """
    if _SCHEME not in entrypoint:
        return f"{code}/{entrypoint}"
    by_path = is_python(entrypoint) or not main_class
    return entrypoint.removeprefix(_LOCAL) if by_path else entrypoint


def command(
    entry: Iterable[str],
    attempt: Mapping[str, str],
    resource: str,
    *,
    main_class: str = "",
    args: Iterable[str] = (),
) -> tuple[str, ...]:
    """The driver's command line.

    Args:
        entry: starts Spark in the framework's image.
        attempt: properties that only the present attempt has.
        resource: the application, from `resource`.
        main_class: absent means the one that a jar's manifest names.
        args: of the application.
    """
    settings = (word for key in sorted(attempt) for word in ("--conf", f"{key}={attempt[key]}"))
    name = PYTHON_RUNNER if is_python(resource) else main_class
    named = ("--class", name) if name else ()
    file = ("--properties-file", f"{SETTINGS}/{PROPERTIES_FILE}")
    return (*entry, "driver", *settings, *file, *named, resource, *args)


def environment(application_id: str) -> tuple[Json, ...]:
    """The driver's own variables."""
    address = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}
    return (
        {"name": "SPARK_APPLICATION_ID", "value": application_id},
        {"name": "SPARK_DRIVER_BIND_ADDRESS", "valueFrom": address},
        {"name": "SPARK_LOCAL_DIRS", "value": SCRATCH},
    )


def application_id(uid: str, attempt: int) -> str:
    """Names one attempt in Spark's logs and its history: no two attempts of any job share it."""
    digest = hashlib.sha256(f"{uid}/{attempt}".encode()).hexdigest()
    return f"spark-{digest[:32]}"


def executor_prefix(prefix: str, attempt: int) -> str:
    """Begins the names of an attempt's executors.

    An executor of an attempt before may still be on its way out; the number keeps their names
    apart. A long name is cut, and keeps apart from others by a hash.
    """
    name = f"{prefix}-{attempt}"
    if len(name) <= _MAX_PREFIX:
        return name
    digest = hashlib.sha256(prefix.encode()).hexdigest()[:_HASH_LENGTH]
    room = _MAX_PREFIX - _HASH_LENGTH - len(f"--{attempt}")
    return f"{prefix[:room].rstrip('-')}-{digest}-{attempt}"
