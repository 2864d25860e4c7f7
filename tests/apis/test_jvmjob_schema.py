from __future__ import annotations

import pytest

from apis.v1alpha1.jvmjob import JVMJob

JOB = {
    "apiVersion": "mlctl.dev/v1alpha1",
    "kind": "JVMJob",
    "metadata": {"name": "score", "namespace": "team"},
    "spec": {"framework": "jvm", "size": "small", "entrypoint": "org.example.Main"},
}
INLINE = {"inline": {"a": "b"}}


def spec(**fields):
    return {"spec": fields}


GOOD = {
    "the shortest": {},
    "a class without a package": spec(entrypoint="Main$Inner"),
    "a jar": spec(entrypoint="lib/app-1.0.jar", source=INLINE),
    "a jar with a class and dependencies": spec(
        entrypoint="app.jar",
        source=INLINE,
        mainClass="org.example.Main",
        dependencies=[
            "com.google.code.gson:gson:2.11.0",
            "io.netty:netty-transport:4.1.100.Final:linux-x86_64",
            "https://example.org/lib.jar?x=1",
        ],
    ),
    "options": spec(
        jvmOptions=[
            "-Xmx1g",
            "-Xss4m",
            "-Dname=a b",
            "-XX:+UseG1GC",
            "-javaagent:/mlctl/dependencies/agent.jar",
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "-Dcp=1",
            "-XX:MaxRAMPercentage=50",
        ]
    ),
}
BAD = {
    "a file": (spec(entrypoint="Main.class-"), "spec.entrypoint", "main class (org.example.Main)"),
    "an argument": (spec(entrypoint="Main -x"), "spec.entrypoint", "put arguments into args"),
    "an option": (spec(entrypoint="-version"), "spec.entrypoint", "main class"),
    "a path out of the source": (
        spec(entrypoint="../app.jar", source=INLINE),
        "spec.entrypoint",
        "a jar of the source",
    ),
    "a jar of nowhere": (spec(entrypoint="app.jar"), "spec.entrypoint", "there is no source"),
    "a class of a class": (
        spec(mainClass="Main"),
        "spec.mainClass",
        "put the class into entrypoint",
    ),
    "a jar by itself with dependencies": (
        spec(entrypoint="app.jar", source=INLINE, dependencies=["a:b:1"]),
        "spec.mainClass",
        "name its mainClass",
    ),
    "a variable of the JVM's": (
        spec(env=[{"name": "JAVA_TOOL_OPTIONS", "value": "-Xmx9g"}]),
        "spec.env",
        "use jvmOptions",
    ),
    "an option without a dash": (spec(jvmOptions=["@file"]), "spec.jvmOptions[0]", "should match"),
}
BAD |= {
    f"the dependency {dependency}": (
        spec(dependencies=[dependency]),
        "spec.dependencies[0]",
        "a Maven coordinate",
    )
    for dependency in (
        "gson",
        "a:b",
        "a:b:c:d:e",
        "file:///etc/passwd",
        "s3://bucket/a.jar",
        "https://alice:secret@example.org/a.jar",
        "-x:b:1",
        'a:b:1"/><x',
    )
}
BAD |= {
    f"the option {option}": (
        spec(jvmOptions=[option]),
        "spec.jvmOptions[0]",
        "the platform's to set",
    )
    for option in (
        "-cp",
        "-cp=x",
        "-classpath",
        "--class-path=/x",
        "-jar",
        "-m",
        "--module=x",
        "-version",
        "-X",
        "-?",
        "-XX:Flags=/x",
        "-XX:VMOptionsFile=/x",
        "-XX:OnError=sh -c x",
        "-XX:OnOutOfMemoryError=sh",
        "-XX:-UseContainerSupport",
        "-agentlib:jdwp=transport=dt_socket,address=*:5005",
        "-Xrunjdwp:x",
        "-Dcom.sun.management.jmxremote.port=9",
    )
}


@pytest.mark.parametrize("name", GOOD)
def test_good_jobs_are_taken(refusals, name):
    assert refusals(JVMJob, JOB, GOOD[name]) == []


@pytest.mark.parametrize("name", BAD)
def test_bad_jobs_are_refused_with_the_field_and_the_fix(refusals, name):
    patch, field, words = BAD[name]
    said = refusals(JVMJob, JOB, patch)
    assert any(error.startswith(f"{field}:") and words in error for error in said), said


@pytest.mark.parametrize("field", ["mainClass", "jvmOptions", "entrypoint"])
def test_what_a_pod_is_made_of_stays_while_it_runs(refusals, field):
    base = {
        **JOB,
        "spec": {**JOB["spec"], "entrypoint": "a.jar", "source": INLINE},
        "status": {"phase": "Running"},
    }
    change = {"mainClass": "M", "jvmOptions": ["-Xss4m"], "entrypoint": "b.jar"}[field]
    said = refusals(JVMJob, base, spec(**{field: change}), update=True)
    assert any(error.startswith(f"spec.{field}:") for error in said), said
