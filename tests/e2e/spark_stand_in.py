"""Does what Spark does of its own accord, as far as the platform can tell, without a JVM.

The driver makes executors from the template that it was given, with the names and labels that it
was told, by the token of its own pod, waits until all of them run, and ends as its arguments say.
"""

# ruff: noqa: PTH123, T201 - a container's program: the least that Python can do without
import json
import os
import ssl
import sys
import time
import urllib.request

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
SETTINGS = "/mlctl/spark"
LABEL = "spark.kubernetes.executor.label."


def call(method, path, body=None):
    host = f"{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    with open(f"{ACCOUNT}/token") as file:
        headers = {"Authorization": f"Bearer {file.read()}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(f"https://{host}{path}", data, headers, method=method)
    context = ssl.create_default_context(cafile=f"{ACCOUNT}/ca.crt")
    with urllib.request.urlopen(request, context=context) as answer:
        return json.load(answer)


def properties(words):
    with open(f"{SETTINGS}/spark.properties") as file:
        lines = file.read().replace("\\:", ":").splitlines()
    given = [words[at + 1] for at, word in enumerate(words) if word == "--conf"]
    return dict(line.split("=", 1) for line in lines + given)


def driver(words):
    found = properties(words)
    namespace = found["spark.kubernetes.namespace"]
    pods = f"/api/v1/namespaces/{namespace}/pods"
    own = call("GET", f"{pods}/{found['spark.kubernetes.driver.pod.name']}")["metadata"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": own["name"], "uid": own["uid"]}
    names = []
    for number in range(1, int(found["spark.executor.instances"]) + 1):
        with open(found["spark.kubernetes.executor.podTemplateFile"]) as file:
            pod = json.load(file)
        name = f"{found['spark.kubernetes.executor.podNamePrefix']}-exec-{number}"
        labels = {k.removeprefix(LABEL): v for k, v in found.items() if k.startswith(LABEL)}
        pod["metadata"]["name"] = name
        pod["metadata"]["labels"] |= labels
        pod["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
        [main] = pod["spec"]["containers"]
        main["args"] = ["executor"]
        main["image"] = found["spark.kubernetes.executor.container.image"]
        call("POST", pods, pod)
        names.append(name)
    while any(call("GET", f"{pods}/{name}")["status"].get("phase") != "Running" for name in names):
        time.sleep(0.05)
    print(f"executors={len(names)}", flush=True)
    end(words[words.index("--class") + 2 + 1 :], os.environ["SPARK_APPLICATION_ID"], found)


def end(arguments, application, found):
    """Fail in the first attempt, wait to be told, or succeed."""
    attempt = found[f"{LABEL}mlctl.dev/attempt"]
    print(f"attempt={attempt} of {application}", flush=True)
    if "wait" in arguments:
        time.sleep(600)
    sys.exit(3 if "fail" in arguments and attempt == "1" else 0)


if sys.argv[1] == "driver":
    driver(sys.argv[2:])
else:
    time.sleep(600)
