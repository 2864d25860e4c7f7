"""Java programs, compiled here, as jobs of their own kind."""

from __future__ import annotations

import base64
import contextlib
import shutil
import subprocess

import pytest
from inputs import DATASET, JVM_JOB, of
from plane import FRAMEWORK, IMAGE, SIZE, phase, reason, size
from web_files import serving

from mlctl_core.client.errors import AlreadyExistsError
from mlctl_core.objects.kinds import CONFIG_MAP

pytestmark = pytest.mark.heavy

MAIN = """
package org.example;

public class Main {
    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0 && arguments[0].equals("fail")) System.exit(7);
        if (arguments.length > 0 && arguments[0].equals("eat")) {
            java.util.List<byte[]> all = new java.util.ArrayList<>();
            while (true) all.add(new byte[1 << 20]);
        }
        System.out.println("heap=" + Runtime.getRuntime().maxMemory());
        System.out.println("words=" + arguments.length);
        String path = System.getenv("MLCTL_DATASET_TEXT");
        if (path != null) {
            java.nio.file.Path file = java.nio.file.Paths.get(path);
            System.out.println("lines=" + java.nio.file.Files.readAllLines(file).size());
        }
        try {
            Class<?> gson = Class.forName("com.google.gson.Gson");
            Object made = gson.getConstructor().newInstance();
            System.out.println("json=" + gson.getMethod("toJson", Object.class).invoke(made, 3));
        } catch (ClassNotFoundException none) {
            System.out.println("json=0");
        }
    }
}
"""


@pytest.fixture
def jar(tmp_path):
    """The program in a jar that names its main class."""
    tools = [shutil.which("javac"), shutil.which("jar")]
    if not all(tools):
        pytest.skip("there is no JDK here")
    source = tmp_path / "src" / "org" / "example" / "Main.java"
    source.parent.mkdir(parents=True)
    source.write_text(MAIN)
    classes, made = tmp_path / "classes", tmp_path / "app.jar"
    options = ["--release", "8", "-Xlint:-options", "-d", str(classes)]
    subprocess.run([tools[0], *options, str(source)], check=True)
    words = ["cfe", str(made), "org.example.Main", "-C", str(classes), "."]
    subprocess.run([tools[1], *words], check=True)
    return made


@pytest.fixture
async def code(namespace, jar):
    """A ConfigMap with the jar, in a namespace with a catalogue for it."""
    framework = {
        "apiVersion": "mlctl.dev/v1alpha1",
        "kind": "Framework",
        "metadata": {"name": "jvm"},
        "spec": {"type": "JVM", "version": "17", "images": {"cpu": IMAGE}},
    }
    for kind, obj in ((FRAMEWORK, framework), (SIZE, size("jvm", memory="1Gi"))):
        with contextlib.suppress(AlreadyExistsError):
            await namespace.client.create(kind, obj)
    content = {"app.jar": base64.b64encode(jar.read_bytes()).decode()}
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "code"},
        "binaryData": content,
    }
    await namespace.create(CONFIG_MAP, config_map)
    return {"configMap": {"name": "code"}}


class Jobs:
    def __init__(self, namespace, source):
        self.namespace = namespace
        self.source = source

    async def run(self, name, **spec):
        base = {"framework": "jvm", "size": "jvm", "entrypoint": "app.jar", "source": self.source}
        await self.namespace.create(JVM_JOB, of(JVM_JOB, name, {**base, **spec}))

    async def ended(self, name):
        return await self.namespace.until(
            name, lambda o: phase(o) in {"Succeeded", "Failed"}, JVM_JOB
        )


@pytest.fixture
def jobs(namespace, code):
    return Jobs(namespace, code)


def metrics(job):
    return {name: metric["value"] for name, metric in job["status"]["metrics"].items()}


async def test_a_jar_runs_by_itself_or_by_its_class_with_its_arguments(manager, jobs):
    await jobs.run("jar", args=["a", "b"])
    await jobs.run("class", mainClass="org.example.Main", jvmOptions=["-Xmx64m"])
    by_jar, by_class = await jobs.ended("jar"), await jobs.ended("class")
    assert phase(by_jar) == "Succeeded", by_jar["status"]
    assert metrics(by_jar)["words"] == "2"
    assert phase(by_class) == "Succeeded", by_class["status"]
    assert float(metrics(by_class)["heap"]) <= 64 * 2**20


async def test_exit_codes_and_missing_programs_are_told(manager, jobs):
    await jobs.run("fails", args=["fail"])
    await jobs.run("eats", args=["eat"], jvmOptions=["-Xmx16m"])
    await jobs.run("nothing", entrypoint="org.example.None")
    await jobs.run("nowhere", entrypoint="none.jar")
    fails, eats = await jobs.ended("fails"), await jobs.ended("eats")
    assert reason(fails) == "AppError"
    assert "exit code 7" in fails["status"]["message"]
    assert reason(eats) == "OutOfMemory", eats["status"]
    assert "Java heap space" in eats["status"]["message"]
    assert "raise -Xmx16m in spec.jvmOptions" in eats["status"]["message"]
    nothing = await jobs.ended("nothing")
    assert reason(nothing) == "EntrypointNotFound", nothing["status"]
    waiting = await jobs.namespace.until(
        "nowhere", lambda o: reason(o) == "EntrypointNotFound", JVM_JOB
    )
    assert phase(waiting) == "Pending"
    assert "none.jar is not in ConfigMap code, which has app.jar" in waiting["status"]["message"]


async def test_datasets_and_jars_from_the_web_are_got_without_python(
    manager, jobs, namespace, jar, tmp_path
):
    (tmp_path / "text.txt").write_text("a\nb\n")
    with serving(tmp_path) as web:
        spec = {"uri": f"{web.url}/text.txt", "mode": "Stage"}
        await namespace.create(DATASET, of(DATASET, "text", spec))
        await jobs.run(
            "web",
            source=None,
            entrypoint="org.example.Main",
            dependencies=[f"{web.url}/app.jar"],
            datasets=[{"name": "text"}],
        )
        await jobs.run("none", mainClass="A", dependencies=[f"{web.url}/none.jar"])
        ended, none = await jobs.ended("web"), await jobs.ended("none")
    assert phase(ended) == "Succeeded", ended["status"]
    assert metrics(ended)["lines"] == "2"
    lineage = ended["status"]["lineage"]
    assert lineage["dependenciesHash"].startswith("sha256:")
    assert lineage["datasets"][0]["version"].startswith("sha256:")
    assert reason(none) == "DependencyFailed"
    assert "the server says 404" in none["status"]["message"]


async def test_coordinates_are_got_with_what_they_depend_on(manager, jobs):
    coordinates = ["com.google.code.gson:gson:2.11.0"]
    await jobs.run("gson", mainClass="org.example.Main", dependencies=coordinates)
    await jobs.run("none", mainClass="org.example.Main", dependencies=["org.example:none:1"])
    gson, none = await jobs.ended("gson"), await jobs.ended("none")
    assert phase(gson) == "Succeeded", gson["status"]
    assert metrics(gson)["json"] == "3"
    assert reason(none) == "DependencyFailed"
    assert "A dependency, or what it depends on, is not in" in none["status"]["message"]
