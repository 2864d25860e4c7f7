"""Two pods that serve at one port and find each other by the names of a Service."""

from __future__ import annotations

import sys

import pytest
from node_pods import api_pod

from mlctl_core.objects.kinds import POD, SERVICE

# Each greets the other, by name and at the same port, and ends when it was greeted itself.
GREETING = """
import socket, sys, threading, time
port, peer = int(sys.argv[1]), sys.argv[2]
server = socket.create_server(("", port))
def greet():
    while True:
        try:
            with socket.create_connection((peer, port), 1) as connection:
                return connection.sendall(socket.gethostname().encode())
        except OSError:
            time.sleep(0.02)
threading.Thread(target=greet).start()
connection, _ = server.accept()
print("greeted by", connection.recv(99).decode(), flush=True)
"""
PORT = 2222


def greeter(index, peer):
    container = {
        "name": "main",
        "image": "python",
        "command": [sys.executable, "-c", GREETING, str(PORT), peer],
    }
    pod = api_pod(f"w-{index}", container, hostname=f"w-{index}", subdomain="svc")
    return {**pod, "metadata": {**pod["metadata"], "labels": {"app": "greeting"}}}


async def test_pods_of_a_service_find_each_other_by_name(plane, images):
    await plane.nodes("name=n,cpu=4", images=images)
    await plane.create(
        SERVICE,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "svc", "namespace": "default"},
            "spec": {
                "clusterIP": "None",
                "selector": {"app": "greeting"},
                "publishNotReadyAddresses": True,
            },
        },
    )
    await plane.create(POD, greeter(0, "w-1.svc.default.svc"))
    first = await plane.until(lambda p: p and p["status"].get("podIP"), "w-0")
    if first["status"]["podIP"] == first["status"]["hostIP"]:
        pytest.skip("this kernel gives pods no addresses of their own")
    await plane.create(POD, greeter(1, "w-0.svc.default.svc.cluster.local"))
    ended = [await plane.phase(name, "Succeeded", "Failed") for name in ("w-0", "w-1")]

    assert [pod["status"]["phase"] for pod in ended] == ["Succeeded", "Succeeded"]
    assert len({pod["status"]["podIP"] for pod in ended}) == 2
    logs = [await plane.client.pod_log(f"w-{index}", "default") for index in (0, 1)]
    assert logs == [b"greeted by w-1\n", b"greeted by w-0\n"]
