"""Watches over WebSockets, which clients in Java and browsers ask for."""

from __future__ import annotations

import aiohttp
from raw_client import ORIGIN
from specimens import secret


async def taken(socket, count):
    events = [await socket.receive_json() for _ in range(count)]
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


async def test_each_event_is_a_message_of_its_own(server, secrets):
    for name in ("a", "b"):
        await server.made(secrets, secret(name))
    async with server.watch_by_messages(secrets) as socket:
        assert await taken(socket, 2) == [("ADDED", "a"), ("ADDED", "b")]
        await server.made(secrets, secret("c"))
        await server.delete(f"{secrets}/a")
        assert await taken(socket, 2) == [("ADDED", "c"), ("DELETED", "a")]


async def test_a_message_is_text_and_a_line(server, secrets):
    await server.made(secrets, secret("a"))
    async with server.watch_by_messages(secrets) as socket:
        message = await socket.receive()
    assert message.type == aiohttp.WSMsgType.TEXT
    assert message.data.endswith("}\n")
    assert message.data.count("\n") == 1


async def test_selectors_hold(server, secrets):
    for name in ("a", "b"):
        await server.made(secrets, secret(name))
    async with server.watch_by_messages(secrets, fieldSelector="metadata.name=b") as socket:
        assert await taken(socket, 1) == [("ADDED", "b")]


async def test_the_end_of_its_time_closes_it(server, secrets):
    async with server.watch_by_messages(secrets, timeoutSeconds="1") as socket:
        message = await socket.receive()
    assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


async def test_what_makes_no_sense_is_refused_before_there_is_a_socket(server, secrets):
    headers = {**UPGRADE, "Origin": ORIGIN}
    async with server.watch(secrets, headers=headers, labelSelector="a in") as refused:
        assert refused.status == 400


async def test_a_client_that_does_not_say_where_it_comes_from_is_refused(server, secrets):
    async with server.watch(secrets, headers=UPGRADE) as refused:
        assert refused.status == 403
