"""What the pods of a SparkJob run, and what there is beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from apis.v1alpha1 import spark_conf
from apis.v1alpha1.framework import SparkOptions
from controllers.jobs import names
from controllers.jobs.job import Program, Refusal, Replica
from controllers.jobs.pod import containers, python
from controllers.jobs.pod.environment import CODE, DEPENDENCIES, WORK
from controllers.jobs.pod.identity_parts import configuration, keytab_parts, spark_properties
from controllers.jobs.pod.parts import Parts
from controllers.jobs.pod.pod import pod
from controllers.jobs.pod.tools import literal
from controllers.jobs.resolve import resources_of
from controllers.spark import conf, driver, executors, memory, properties, rbac, service
from controllers.spark.roles import DRIVER, pod_name, roles

if TYPE_CHECKING:
    from fractions import Fraction

    from apis.v1alpha1.identity import Identity
    from apis.v1alpha1.sparkjob import SparkJob, SparkJobSpec
    from apis.v1alpha1.status import JobStatus
    from controllers.jobs.job import JobKind, Role
    from controllers.jobs.material import Material
    from controllers.jobs.pod.tools import Tools
    from mlctl_core.objects.json import Json
    from mlctl_core.reconcile.view import View

SHORT_NAME = "sparkjob"

_SETTINGS_VOLUME, _SCRATCH_VOLUME = "spark", "scratch"
_SHOWN = frozenset(("Running", "Succeeded", "Failed"))
"""Phases in which the present attempt has something to show."""
_IVY = f"{WORK}/ivy"
_PIP_INSTALL = (
    *("python3", "-m", "pip", "install", "--no-input", "--disable-pip-version-check"),
    *("--target", DEPENDENCIES),
    # Whatever follows is a requirement, even if it begins like an option.
    "--",
)


def prefix_of(job: SparkJob) -> str:
    """Begins the names of everything that the job has."""
    return names.prefix(SHORT_NAME, job.metadata.name)


def program(replica: Replica) -> Program:
    """The driver: Spark's own entrypoint, told where its settings are and which attempt it is."""
    job: SparkJob = replica.job  # type: ignore[assignment] # of this kind there are no others
    spec, prefix = job.spec, prefix_of(job)
    application_id = driver.application_id(job.metadata.uid, replica.attempt)
    attempt = conf.of_attempt(
        application_id,
        driver.executor_prefix(prefix, replica.attempt),
        {names.ATTEMPT_LABEL: str(replica.attempt)},
    )
    command = driver.command(
        _entry(replica),
        attempt,
        driver.resource(spec.entrypoint, CODE, spec.main_class or ""),
        main_class=spec.main_class or "",
        args=spec.args,
    )
    return Program(
        command=command,
        env=(*driver.environment(application_id), *_python_path(replica)),
        ports=service.PORTS,
        parts=_settings(prefix) + _scratch() + _keytab(replica.material) + _requirements(spec),
        service_account=_account(job, replica.material),
    )


def executor(replica: Replica) -> Program:
    """An executor: the driver says the rest when it makes the pod."""
    job: SparkJob = replica.job  # type: ignore[assignment] # of this kind there are no others
    return Program(
        command=_entry(replica), env=_python_path(replica), parts=_requirements(job.spec)
    )


def of_identity(identity: Identity, _tools: Tools) -> Parts:
    """What an identity brings into driver and executors: no ticket, as Spark logs in by itself."""
    return configuration(identity.spec)


def refusal(job: SparkJob, material: Material, _view: View) -> Refusal | None:
    """A size that no JVM of Spark's fits into, or a property that the job may not set."""
    for role in roles(job):
        amount = resources_of(material.pins.size_of(role))["memory"]
        if memory.split(amount, _factor(job.spec)) is None:
            return Refusal(
                "SizeUnsuitable",
                f"{role.size_field} {role.size} has {amount} of memory, and a Spark {role.name} "
                f"needs {memory.MIN_TOTAL_MIB}Mi: choose a larger size.",
            )
    for key in job.spec.conf:
        if why := spark_conf.refused(key):
            return Refusal("ConfRefused", f"spec.conf: {key} {why}.")
    return None


def links(job: SparkJob, status: JobStatus) -> dict[str, str]:
    """The application's own page while it runs, and what the history server keeps of it."""
    if status.framework is None or status.phase not in _SHOWN:
        return {}
    found = {}
    if status.phase == "Running":
        host = service.host(prefix_of(job), job.metadata.namespace)
        found["ui"] = f"http://{host}:{conf.UI_PORT}"
    options = status.framework.spark or SparkOptions()
    logs = {**options.conf, **job.spec.conf}.get("spark.eventLog.enabled") == "true"
    if options.history_server and logs:
        application = driver.application_id(job.metadata.uid, status.attempt)
        found["history"] = f"{options.history_server.rstrip('/')}/history/{application}/jobs/"
    return found


def children(job: SparkJob, kind: JobKind, material: Material) -> list[Json]:
    """The driver's account and rights, its Service and its settings."""
    prefix = prefix_of(job)
    selector = {
        names.KIND_LABEL: kind.kind.name,
        names.NAME_LABEL: job.metadata.name,
        names.ROLE_LABEL: DRIVER,
    }
    return [
        rbac.service_account(_metadata(job, kind, prefix)),
        rbac.role_binding(_metadata(job, kind, prefix), _account(job, material)),
        service.driver_service(_metadata(job, kind, service.name(prefix)), selector),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": _metadata(job, kind, _settings_name(prefix)),
            "data": {
                driver.PROPERTIES_FILE: properties.text(_properties(job, material)),
                driver.TEMPLATE_FILE: executors.text(_template(job, kind, material)),
            },
        },
    ]


def _metadata(job: SparkJob, kind: JobKind, name: str) -> Json:
    metadata = job.metadata
    labels = names.job_labels(kind.kind.name, metadata.name, metadata.annotations)
    return {"name": name, "namespace": metadata.namespace, "labels": labels}


def _template(job: SparkJob, kind: JobKind, material: Material) -> Json:
    own, role = roles(job)
    replica = Replica(
        job=job,
        kind=attrs.evolve(kind, program=executor),
        roles=(own,),
        role=role,
        index=0,
        attempt=0,
        material=material,
    )
    return executors.template(pod(replica))


def _properties(job: SparkJob, material: Material) -> dict[str, str]:
    spec, prefix, namespace = job.spec, prefix_of(job), job.metadata.namespace
    of_driver, of_executor = roles(job)
    dynamic, identity = spec.dynamic_allocation, material.inputs.identity
    application = conf.Application(
        name=job.metadata.name,
        namespace=namespace,
        driver_pod=pod_name(prefix, DRIVER),
        host=service.host(prefix, namespace),
        python=driver.is_python(spec.entrypoint),
        driver=_pod(of_driver, spec, material),
        executor=_pod(of_executor, spec, material),
        executors=conf.Executors(
            instances=spec.executor.instances,
            least=dynamic.min if dynamic else 0,
            most=dynamic.max if dynamic else None,
        ),
        template=f"{driver.SETTINGS}/{driver.TEMPLATE_FILE}",
        template_container=containers.MAIN,
        ivy=_IVY,
        identity=spark_properties(identity.spec) if identity else {},
    )
    options = material.pins.framework.spark or SparkOptions()
    return conf.properties(application, options.conf, spec.conf, conf.libraries(spec.dependencies))


def _pod(role: Role, spec: SparkJobSpec, material: Material) -> conf.Pod:
    amounts = resources_of(material.pins.size_of(role))
    parts = memory.split(amounts["memory"], _factor(spec))
    # Jobs whose sizes are too small have been refused.
    parts = parts or memory.Memory(memory.MIN_HEAP_MIB, memory.MIN_OVERHEAD_MIB)
    return conf.Pod(
        memory=parts,
        cores=memory.cores(amounts["cpu"]),
        cpu=amounts["cpu"],
        image=material.pins.image_of(role),
    )


def _factor(spec: SparkJobSpec) -> Fraction:
    return memory.PYTHON_OVERHEAD if driver.is_python(spec.entrypoint) else memory.JVM_OVERHEAD


def _account(job: SparkJob, material: Material) -> str:
    """Whose token the driver has: its identity's, so that it is known outside by it, or its own."""
    identity = material.inputs.identity
    return (identity and identity.spec.service_account_name) or prefix_of(job)


def _keytab(material: Material) -> Parts:
    """The driver alone logs in; executors get delegation tokens of it."""
    identity = material.inputs.identity
    kerberos = identity.spec.kerberos if identity else None
    return keytab_parts(kerberos) if kerberos else Parts()


def _entry(replica: Replica) -> tuple[str, ...]:
    return tuple(replica.material.pins.framework.command) or driver.ENTRYPOINT


def _python_path(replica: Replica) -> tuple[Json, ...]:
    if not driver.is_python(replica.job.spec.entrypoint):
        return ()
    return (python.search_path(replica.material.pins.framework),)


def _settings_name(prefix: str) -> str:
    return f"{prefix}-conf"


def _settings(prefix: str) -> Parts:
    mount = {"name": _SETTINGS_VOLUME, "mountPath": driver.SETTINGS, "readOnly": True}
    source = {"name": _settings_name(prefix)}
    return Parts(volumes=[{"name": _SETTINGS_VOLUME, "configMap": source}], mounts=[mount])


def _scratch() -> Parts:
    """Executors get theirs from Spark, at the same place."""
    return Parts(
        volumes=[{"name": _SCRATCH_VOLUME, "emptyDir": {}}],
        mounts=[{"name": _SCRATCH_VOLUME, "mountPath": driver.SCRATCH}],
    )


def _requirements(spec: SparkJobSpec) -> Parts:
    """The step that installs what pip can; the rest Spark gets by itself."""
    wanted = conf.libraries(spec.dependencies).requirements
    if not wanted:
        return Parts()
    mount = {"name": "dependencies", "mountPath": DEPENDENCIES}
    step: Json = {
        "name": containers.DEPENDENCIES,
        "command": [*_PIP_INSTALL, *map(literal, wanted)],
        "volumeMounts": [{"name": "work", "mountPath": WORK}, mount],
    }
    return Parts(
        volumes=[{"name": "dependencies", "emptyDir": {}}],
        mounts=[{**mount, "readOnly": True}],
        init_containers=[step],
    )
