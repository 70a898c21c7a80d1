"""Python's websockets as a peer. Prints JSON for the tests to judge.

    python peer.py client SETTINGS         a conversation with our server, in asyncio
    python peer.py client-sync SETTINGS    the same, with threads (not in version 13)
    python peer.py server SETTINGS         a server for our client, see `serve`

Runs with version 13, which the tutorial was written for, and with present ones.
"""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import sys
from urllib.parse import parse_qs, unquote, urlsplit

import websockets
from websockets.extensions import permessage_deflate

OLD = int(websockets.__version__.split(".", 1)[0]) < 14
PINGED = b"are you there?"


def content(size: int) -> bytes:
    """So many bytes of ASCII that neither repeat nor are random."""
    return bytes((i * i >> 3) % 95 + 32 for i in range(size))


# --- The client.


def client_options(settings: dict) -> dict:
    """What connect() is told."""
    options = {"compression": None, "open_timeout": 20, "close_timeout": 20}
    if settings.get("deflate") is not None:
        factory = permessage_deflate.ClientPerMessageDeflateFactory(**settings["deflate"])
        options["extensions"] = [factory]
    if settings.get("subprotocols"):
        options["subprotocols"] = settings["subprotocols"]
    if settings.get("origin"):
        options["origin"] = settings["origin"]
    if settings.get("ca"):
        context = ssl.create_default_context(cafile=settings["ca"])
        options["ssl"] = context
    options["extra_headers" if OLD else "additional_headers"] = settings.get("headers", {})
    return options


def messages(settings: dict) -> list:
    """Text and bytes of each size; also what goes in fragments."""
    sizes = settings.get("sizes", [5])
    return [*(content(size).decode() for size in sizes), *(content(size) for size in sizes)]


def result(socket, echoed: list, sent: list) -> dict:
    """What the tests judge."""
    headers = socket.response_headers if OLD else socket.response.headers
    code, reason = socket.close_code, socket.close_reason
    return {
        "subprotocol": socket.subprotocol,
        "extensions": headers.get("Sec-WebSocket-Extensions", ""),
        "echoed": [len(came) for came in echoed] if echoed == sent else "not what was sent",
        "closed": [code, reason],
    }


async def converse(settings: dict) -> dict:
    """Messages, fragments, a ping, goodbye. Each message comes back or the test fails."""
    sent, echoed = messages(settings), []
    async with websockets.connect(settings["url"], **client_options(settings)) as socket:
        for message in sent:
            await socket.send(message)
            echoed.append(await asyncio.wait_for(socket.recv(), 20))
        await socket.send(["in ", "three ", "pieces"])
        assert await asyncio.wait_for(socket.recv(), 20) == "in three pieces"
        answered = await socket.ping(PINGED)
        await asyncio.wait_for(answered, 20)
        await socket.close(*settings.get("close", [1000, ""]))
        return result(socket, echoed, sent)


def converse_sync(settings: dict) -> dict:
    """The same again."""
    from websockets.sync.client import connect

    sent, echoed = messages(settings), []
    with connect(settings["url"], **client_options(settings)) as socket:
        for message in sent:
            socket.send(message)
            echoed.append(socket.recv(timeout=20))
        socket.send(["in ", "three ", "pieces"])
        assert socket.recv(timeout=20) == "in three pieces"
        assert socket.ping(PINGED).wait(20)
        socket.close(*settings.get("close", [1000, ""]))
        return result(socket, echoed, sent)


# --- The server.


async def act(socket, path: str) -> None:
    """What the path says: /echo, /send?sizes=1,2&type=text, /fragments, /ping, /close?code=&reason=,
    /linger to wait for the other side's goodbye."""
    target = urlsplit(path)
    query = {name: values[0] for name, values in parse_qs(target.query).items()}
    if target.path == "/echo":
        async for message in socket:
            await socket.send(message)
    elif target.path == "/send":
        for size in query["sizes"].split(","):
            data = content(int(size))
            await socket.send(data.decode() if query["type"] == "text" else data)
    elif target.path == "/fragments":
        await socket.send(["in ", "three ", "pieces"])
    elif target.path == "/ping":
        answered = await socket.ping(PINGED)
        await asyncio.wait_for(answered, 20)
        await socket.send("the pong has come")
    elif target.path == "/close":
        await socket.close(int(query["code"]), unquote(query.get("reason", "")))
    await socket.wait_closed()


async def handle(socket) -> None:
    """One connection; what was seen of it is printed when it is over."""
    path = socket.path if OLD else socket.request.path
    headers = socket.request_headers if OLD else socket.request.headers
    try:
        await act(socket, path)
    except websockets.ConnectionClosed:
        pass
    await socket.wait_closed()
    seen = {
        "path": path,
        "headers": {name.lower(): value for name, value in headers.raw_items()},
        "subprotocol": socket.subprotocol,
        "closed": [socket.close_code, socket.close_reason],
    }
    print(json.dumps(seen), flush=True)


async def old_handle(socket, path: str) -> None:
    """Version 13 gives the path, too."""
    await handle(socket)


async def serve(settings: dict) -> None:
    """Until SIGTERM."""
    options = {"compression": None}
    if settings.get("deflate") is not None:
        factory = permessage_deflate.ServerPerMessageDeflateFactory(**settings["deflate"])
        options["extensions"] = [factory]
    if settings.get("subprotocols"):
        options["subprotocols"] = settings["subprotocols"]
    if settings.get("certificate"):
        options["ssl"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        options["ssl"].load_cert_chain(settings["certificate"], settings["key"])
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with websockets.serve(
        old_handle if OLD else handle, "127.0.0.1", 0, max_size=64 << 20, **options
    ) as server:
        sockets = server.server.sockets if OLD else server.sockets
        print("listening on {}:{}".format(*next(iter(sockets)).getsockname()), flush=True)
        await stopped.wait()


def main() -> None:
    role, settings = sys.argv[1], json.loads(sys.argv[2])
    if role == "client":
        print(json.dumps(asyncio.run(converse(settings))))
    elif role == "client-sync":
        print(json.dumps(converse_sync(settings)))
    else:
        asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
