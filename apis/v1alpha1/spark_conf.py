"""Which properties of Spark a job may set in ``conf``.

What decides where, as whom and with how much the application runs is not the user's to set there:
each such property has a field of the job, or is the platform's. This is the contract of the API
and no fence: an application can set properties in its code as well, and what keeps it in its place
then are the rights of its driver's account and the rules for pods of its namespace.
"""

from __future__ import annotations

import json

import attrs

from mlctl_core.objects.resource import Rule

__all__ = ["CONF_RULES", "MAX_KEY_LENGTH", "refused"]

MAX_KEY_LENGTH = 256
"""Characters of a property's name."""

_ALLOWED = (
    "spark.kubernetes.allocation.",
    "spark.kubernetes.executor.apiPollingInterval",
    "spark.kubernetes.executor.deleteOnTermination",
    "spark.kubernetes.executor.eventProcessingInterval",
    "spark.kubernetes.executor.lostCheck",
    "spark.kubernetes.executor.missingPodDetectDelta",
    "spark.kubernetes.executor.rollInterval",
    "spark.kubernetes.executor.rollPolicy",
    "spark.kubernetes.executor.minTasksPerExecutorBeforeRolling",
    "spark.kerberos.access.",
)
"""What begins like something refused and is the application's own affair all the same."""


@attrs.frozen
class Refused:
    """Properties that a job may not set."""

    prefixes: tuple[str, ...]
    """How their names begin."""
    instead: str
    """Why, and what to use."""


# The first that fits is told, so what is special comes before what is general.
REFUSED = (
    Refused(
        (
            "spark.kubernetes.container.image",
            "spark.kubernetes.driver.container.image",
            "spark.kubernetes.executor.container.image",
        ),
        "is the framework's: choose it by spec.framework",
    ),
    Refused(
        ("spark.master", "spark.submit.deployMode", "spark.kubernetes.namespace"),
        "is the platform's: a job runs on the cluster and in the namespace that it is applied to",
    ),
    Refused(
        (
            "spark.kerberos.",
            "spark.yarn.keytab",
            "spark.yarn.principal",
            "spark.kubernetes.kerberos.",
            "spark.kubernetes.hadoop.",
            "spark.kubernetes.authenticate.",
            "spark.kubernetes.driver.secret",
            "spark.kubernetes.executor.secret",
        ),
        "says as whom the job acts: name an Identity in spec.identity",
    ),
    Refused(
        ("spark.kubernetes.driver.volumes.", "spark.kubernetes.executor.volumes."),
        "mounts volumes: name what holds the data in spec.datasets",
    ),
    Refused(
        (
            "spark.driver.memory",
            "spark.driver.cores",
            "spark.driver.resource.",
            "spark.executor.memory",
            "spark.executor.cores",
            "spark.executor.resource.",
            "spark.executor.pyspark.memory",
            "spark.memory.offHeap.",
            "spark.kubernetes.memoryOverheadFactor",
            "spark.kubernetes.driver.request.",
            "spark.kubernetes.driver.limit.",
            "spark.kubernetes.executor.request.",
            "spark.kubernetes.executor.limit.",
        ),
        "follows from the size: set spec.driver.size and spec.executor.size",
    ),
    Refused(
        ("spark.executor.instances",), "is the number of executors: set spec.executor.instances"
    ),
    Refused(
        (
            "spark.dynamicAllocation.enabled",
            "spark.dynamicAllocation.initialExecutors",
            "spark.dynamicAllocation.minExecutors",
            "spark.dynamicAllocation.maxExecutors",
            "spark.dynamicAllocation.shuffleTracking.enabled",
        ),
        "is how far the number of executors may move: set spec.dynamicAllocation",
    ),
    Refused(
        ("spark.jars.ivy", "spark.jars.packages", "spark.submit.pyFiles"),
        "names libraries: list them in spec.dependencies",
    ),
    Refused(
        (
            "spark.app.id",
            "spark.blockManager.port",
            "spark.driver.bindAddress",
            "spark.driver.blockManager.port",
            "spark.driver.host",
            "spark.driver.port",
            "spark.submit.",
            "spark.ui.port",
        ),
        "is how the platform finds the application: remove it",
    ),
    Refused(("spark.kubernetes.",), "is the platform's: remove it"),
)
"""What ``conf`` may not hold. ``spark.jars`` itself is matched whole, below."""

_WHOLE = Refused(("spark.jars",), "names libraries: list them in spec.dependencies")
_NO_PROPERTY = (
    f"is no property of Spark: those begin with spark. and have at most {MAX_KEY_LENGTH} characters"
)


def refused(key: str) -> str | None:
    """Why a job may not set that property, after its name; None when it may."""
    if not key.startswith("spark.") or len(key) > MAX_KEY_LENGTH:
        return _NO_PROPERTY
    if key in _WHOLE.prefixes:
        return _WHOLE.instead
    if key.startswith(_ALLOWED):
        return None
    return next((each.instead for each in REFUSED if key.startswith(each.prefixes)), None)


def _any_prefix(prefixes: tuple[str, ...]) -> str:
    return "(" + " || ".join(f"key.startsWith('{prefix}')" for prefix in prefixes) + ")"


def _rule(condition: str, instead: str) -> Rule:
    return Rule(
        f"!self.exists(key, {condition})",
        f"a property {instead}",
        reason="FieldValueForbidden",
        # CEL reads JSON's strings as they are.
        message_expression=f"self.filter(key, {condition})[0] + {json.dumps(f' {instead}')}",
    )


def _rules() -> tuple[Rule, ...]:
    found = [
        _rule(
            f"!key.startsWith('spark.') || size(key) > {MAX_KEY_LENGTH}",
            _NO_PROPERTY,
        ),
        _rule(" || ".join(f"key == '{key}'" for key in _WHOLE.prefixes), _WHOLE.instead),
    ]
    earlier: tuple[str, ...] = _ALLOWED
    for each in REFUSED:
        before = tuple(
            known for known in earlier if any(known.startswith(own) for own in each.prefixes)
        )
        unless = f" && !{_any_prefix(before)}" if before else ""
        found.append(_rule(_any_prefix(each.prefixes) + unless, each.instead))
        earlier += each.prefixes
    return tuple(found)


CONF_RULES = _rules()
"""The same as rules of the API server for a map of properties."""
