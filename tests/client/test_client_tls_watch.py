"""What becomes of a watch's TLS connection when the watch is given up."""

import asyncio
import gc
import socket
import ssl
import threading
import warnings
from contextlib import aclosing, contextmanager

import yaml
from client_certificates import Identity, data

from mlctl_core.client.client import Client
from mlctl_core.client.config import load_config
from mlctl_core.objects.kinds import POD

EVENT = b'{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}\n'


@contextmanager
def silent_server(folder, ca):
    """Sends one event, and then neither reads nor says farewell; yields its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Identity("server", ca).write(folder, "server"))
    over = threading.Event()

    def serve():
        connection, _ = listening.accept()
        with connection, context.wrap_socket(connection, server_side=True) as stream:
            stream.recv(65536)
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + EVENT)
            over.wait()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


async def first_event(kubeconfig):
    async with (
        Client(load_config(str(kubeconfig))) as client,
        aclosing(client.watch(POD, resource_version="0")) as events,
    ):
        return await anext(events)


def test_nothing_is_left_open_when_the_server_says_no_farewell(tmp_path):
    ca = Identity("ca")
    with silent_server(tmp_path, ca) as url, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        cluster = {"server": url, "certificate-authority-data": data(ca.pem)}
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "c", "cluster": cluster}],
                    "contexts": [{"name": "c", "context": {"cluster": "c"}}],
                    "current-context": "c",
                }
            )
        )
        assert asyncio.run(first_event(kubeconfig))
        gc.collect()
    assert [str(found.message) for found in caught] == []
