"""Starts Spark as the entrypoint of its container images does, where pyspark's package brought it.

That package has Spark with its Kubernetes back end, but not the shell script that the images of
Spark begin with: ``driver`` or ``executor`` is the first argument, and the environment says the
rest. Runs under the Python of the environment that has pyspark, with ``java`` on PATH.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Become the driver or an executor."""
    import pyspark  # noqa: PLC0415 # found in the environment, not in the project's

    home = Path(pyspark.__file__).parent
    role, *arguments = sys.argv[1:]
    environment = {**os.environ, "SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
    command = _driver(home, arguments) if role == "driver" else _executor(home)
    os.execvpe(command[0], command, environment)  # noqa: S606 # its purpose


def _driver(home: Path, arguments: list[str]) -> list[str]:
    variables = os.environ
    # A laptop's API server has no Service in front of it: ask where a pod is told to.
    server = f"{variables['KUBERNETES_SERVICE_HOST']}:{variables['KUBERNETES_SERVICE_PORT']}"
    return [
        str(home / "bin" / "spark-submit"),
        *("--conf", f"spark.driver.bindAddress={variables['SPARK_DRIVER_BIND_ADDRESS']}"),
        *("--conf", f"spark.kubernetes.driver.master=https://{server}"),
        *("--deploy-mode", "client"),
        *arguments,
    ]


def _executor(home: Path) -> list[str]:
    variables = os.environ
    prefix = "SPARK_JAVA_OPT_"
    options = sorted(
        (int(name.removeprefix(prefix)), value)
        for name, value in variables.items()
        if name.startswith(prefix)
    )
    memory = variables["SPARK_EXECUTOR_MEMORY"]
    classes = [variables.get("HADOOP_CONF_DIR", ""), f"{home}/jars/*"]
    flags = {
        "--driver-url": "SPARK_DRIVER_URL",
        "--executor-id": "SPARK_EXECUTOR_ID",
        "--cores": "SPARK_EXECUTOR_CORES",
        "--app-id": "SPARK_APPLICATION_ID",
        "--hostname": "SPARK_EXECUTOR_POD_IP",
        "--resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
        "--podName": "SPARK_EXECUTOR_POD_NAME",
    }
    return [
        "java",
        *(option for _, option in options),
        *(f"-Xms{memory}", f"-Xmx{memory}"),
        *("-cp", ":".join(filter(None, classes))),
        "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend",
        *(word for flag, name in flags.items() for word in (flag, variables[name])),
    ]


if __name__ == "__main__":
    main()
