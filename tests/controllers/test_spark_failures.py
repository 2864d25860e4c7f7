"""What keeps Spark from beginning is told from what goes wrong in the program.

The outputs are those of Spark 4.1 and, but for where in its code it happened, of 3.5.
"""

import pytest
from kind_world import SAMPLES, KindWorld, case

DRIVER = "sparkjob-mnist-driver"
CODE = "/mlctl/code"
LOGS = "26/01/01 00:00:01 INFO ShutdownHookManager: Shutdown hook called\n"
MAVEN = """\
:: problems summary ::
:::: WARNINGS
\t\tmodule not found: org.example#none;1

\t==== central: tried
\t  https://repo1.maven.org/maven2/org/example/none/1/none-1.jar
\t\t::::::::::::::::::::::::::::::::::::::::::::::
\t\t::          UNRESOLVED DEPENDENCIES         ::
\t\t:: org.example#none;1: not found
\t\t::::::::::::::::::::::::::::::::::::::::::::::
{errors}
:: USE VERBOSE OR DEBUG MESSAGE LEVEL FOR MORE DETAILS
Exception in thread "main" java.lang.RuntimeException: [unresolved dependency: \
org.example#none;1: not found{more}]
\tat org.apache.spark.util.MavenUtils$.resolveMavenCoordinates(MavenUtils.scala:539)
\tat org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala)
"""
REFUSED = """\
:::: ERRORS
\tServer access error at url https://repo1.maven.org/maven2/org/example/none/1/none-1.jar \
(java.net.ConnectException: Connection refused)
"""
LIBRARY = """\
Exception in thread "main" {what}
\tat org.apache.spark.util.Utils$.doFetchFile(Utils.scala:663)
\tat org.apache.spark.util.DependencyUtils$.downloadFile(DependencyUtils.scala:201)
\tat org.apache.spark.util.DependencyUtils$.downloadFileList(DependencyUtils.scala:170)
\tat org.apache.spark.deploy.SparkSubmit.main(SparkSubmit.scala)
"""
PROGRAM = """\
Exception in thread "main" {what}
\tat org.apache.spark.util.DependencyUtils$.downloadFile(DependencyUtils.scala:201)
\tat org.apache.spark.deploy.SparkSubmit.prepareSubmitEnvironment(SparkSubmit.scala:408)
"""
GONE = "java.io.FileNotFoundException: {}"
NO_MAIN_CLASS = """\
Exception in thread "main" org.apache.spark.SparkException: {}
\tat org.apache.spark.deploy.SparkSubmit.error(SparkSubmit.scala:1065)
"""
NO_CLASS = "Error: Failed to load class org.example.Main.\n"
JAR = {"entrypoint": "local:///opt/app.jar", "source": None}
WEB = {"entrypoint": "https://example.org/app.jar", "source": None, "mainClass": "Main"}


def ended(output, code=1, **spec):
    world = KindWorld("SparkJob", **spec)
    world.logs["main"] = f"Using Spark's default log4j profile\n{output}{LOGS}"
    world.run_all()
    world.finish(code, name=DRIVER)
    world.settle()
    return world.status


TOLD = {
    "a coordinate that does not exist": (
        MAVEN.format(errors="", more=""),
        {"dependencies": ["org.example:none:1"]},
        "DependencyFailed",
        "spec.dependencies: Spark finds no org.example:none:1. Correct its name or its version. It",
    ),
    "several of them": (
        MAVEN.format(errors="", more=", download failed: org.example#other;2!other.jar"),
        {"dependencies": ["org.example:none:1"]},
        "DependencyFailed",
        "spec.dependencies: Spark finds no org.example:none:1, org.example:other:2. Correct",
    ),
    "a repository that does not answer": (
        MAVEN.format(errors=REFUSED, more=""),
        {"dependencies": ["org.example:none:1"]},
        "DependencyFailed",
        "spec.dependencies: the repository of libraries did not answer. Apply the job again later",
    ),
    "a jar that is not at its address": (
        LIBRARY.format(what=GONE.format("https://example.org/none.jar")),
        {"dependencies": ["https://example.org/none.jar"]},
        "DependencyFailed",
        "spec.dependencies: one could not be got. It said: ",
    ),
    "a server of jars that does not answer": (
        LIBRARY.format(what="java.net.ConnectException: Connection refused"),
        {"dependencies": ["https://example.org/none.jar"]},
        "DependencyFailed",
        "spec.dependencies: one could not be got. It said: ",
    ),
    "an application that is not at its address": (
        PROGRAM.format(what=GONE.format("https://example.org/app.jar")),
        WEB,
        "EntrypointNotFound",
        "spec.entrypoint: there is no https://example.org/app.jar. Correct it, or put it there.",
    ),
    "a server of applications that does not answer": (
        PROGRAM.format(what="java.net.ConnectException: Connection refused"),
        WEB,
        "SourceFailed",
        "spec.entrypoint: https://example.org/app.jar could not be got. It said: ",
    ),
    "a jar that is not in the image": (
        NO_MAIN_CLASS.format(
            "Failed to get main class in JAR with error 'File file:/opt/app.jar does not exist'."
            "  Please specify one with --class."
        ),
        JAR,
        "EntrypointNotFound",
        "spec.entrypoint: there is no local:///opt/app.jar. Correct it, or put it there.",
    ),
    "a jar that is not in the image, with its class": (
        f"{LOGS}WARN DependencyUtils: Local jar /opt/app.jar does not exist, skipping.\n{NO_CLASS}",
        {**JAR, "mainClass": "org.example.Main"},
        "EntrypointNotFound",
        "spec.entrypoint: there is no local:///opt/app.jar. Correct it, or put it there.",
    ),
    "a class that is not in its jar": (
        NO_CLASS,
        {**JAR, "mainClass": "org.example.Main"},
        "EntrypointNotFound",
        "spec.mainClass: there is no class org.example.Main in local:///opt/app.jar. Correct it.",
    ),
    "a jar without a main class": (
        NO_MAIN_CLASS.format("No main class set in JAR; please specify one with --class."),
        JAR,
        "EntrypointNotFound",
        "spec.mainClass: local:///opt/app.jar does not say which class is run: name it.",
    ),
    "a Python file that is not in the image": (
        "python3: can't open file '/opt/count.py': [Errno 2] No such file or directory\n",
        {"entrypoint": "local:///opt/count.py", "source": None},
        "EntrypointNotFound",
        "spec.entrypoint: there is no local:///opt/count.py. Correct it, or put it there.",
    ),
    "a Python file that the repository lacks": (
        f"python3: can't open file '{CODE}/train.py': [Errno 2] No such file or directory\n",
        {"source": {"git": {"url": "https://example.org/code.git"}}},
        "EntrypointNotFound",
        "spec.entrypoint: there is no train.py",
    ),
}


@pytest.mark.parametrize(("output", "spec", "reason", "words"), TOLD.values(), ids=TOLD)
def test_what_is_missing_is_named_with_its_field(output, spec, reason, words):
    status = ended(output, **spec)
    assert (status.phase, status.reason) == ("Failed", reason)
    assert status.message.startswith(words)


def test_the_last_lines_are_those_that_say_something():
    message = ended(TOLD["a repository that does not answer"][0]).message
    said = message.partition("It said: ")[2]
    assert "Server access error at url https://repo1.maven.org" in said
    assert "SparkSubmit.scala" not in said


OWN = {
    "an error of the program": (
        'Traceback (most recent call last):\n  File "x"\nFileNotFoundError: /data/in.csv\n',
        1,
    ),
    "a file that the program misses": (
        'Exception in thread "main" java.io.FileNotFoundException: /in.csv\n\tat Main.main(M)\n',
        1,
    ),
    "a program that talks of dependencies": ("unresolved dependency: a#b;1: not found\n", 1),
    "an end without words": ("", 7),
}


@pytest.mark.parametrize(("output", "code"), OWN.values(), ids=OWN)
def test_what_goes_wrong_in_the_program_is_the_programs(output, code):
    status = ended(output, code)
    assert status.reason == "AppError"
    assert f"exit code {code}" in status.message


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_dependency_step_is_quoted_once(sample):
    """Its log is read: words in the pod's status as well would be told twice."""
    world = case(sample, "dependencies")
    for pod in world.planned_pods():
        [step] = [c for c in pod["spec"]["initContainers"] if c["name"] == "dependencies"]
        assert "terminationMessagePolicy" not in step
    world.logs["dependencies"] = "ERROR: a and b are in conflict\n"
    first = world.names()[0]
    world.finish(1, container="dependencies", name=first)
    world.settle()
    assert (world.status.phase, world.status.reason) == ("Failed", "DependencyFailed")
    assert world.status.message.count("It said: ") == 1
