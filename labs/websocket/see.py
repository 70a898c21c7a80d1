"""WebSocket: a greeting over a connection that both sides may speak on at any time."""

from pathlib import Path

from support.project import TOOLS as INSTALLED
from support.system import find_program

TOOLS = []

HERE = Path(__file__).resolve().parent


def see(stage):
    stage.say("""
The tutorial's greeting: our client says a name, and our server greets it. The trace is the server's: the
handshake, which is HTTP, then a frame in each direction, then the goodbye of both.""")
    stage.scene(
        "websocket-server --trace",
        "websocket-client ws://{address}/ --count 1 --no-deflate",
        typed="WebSocket",
    )

    ws = INSTALLED / "websocket" / "node_modules" / "ws"
    if find_program("node") and ws.exists():
        stage.say("""
The same server, and a client as people write it in JavaScript. It sends its message in two fragments, with a Ping
between: the server answers that first, and puts the message together.""")
        stage.scene(
            "websocket-server --trace",
            f"node {HERE / 'ws_client.js'} {ws} {{address}} 'Web|Socket'",
        )

    stage.say("""
Try next:
  build/release/bin/websocket-server --chat    then open http://127.0.0.1:8765/ in two windows of a browser, and
                                               let them talk
  build/release/bin/websocket-server --trace --origin '*'    then, in the console of any page:
      s = new WebSocket("ws://127.0.0.1:8765")
      s.onmessage = m => console.log(m.data)
      s.onopen = () => s.send("browser")       (without --origin, pages from elsewhere are refused: why?)
  build/release/bin/websocket-client ws://127.0.0.1:8765/ --trace    the client's side; type, and end with Ctrl-D
The page to read: book/websocket.md""")
