"""HTTP/1.1: a request, a response, and every byte between them."""

TOOLS = ["curl"]


def see(stage):
    stage.say(
        "curl asks our server for /hello. The trace is the server's: what came, what it sent."
    )
    stage.scene("http1-server --trace", "curl -sS http://{address}/hello")

    stage.say("Our own client sends a line of text to /echo, and gets it back.")
    stage.scene(
        "http1-server --trace",
        "http1-client http://{address}/echo -H 'Content-Type: text/plain' -d 'One small step'",
    )

    stage.say("""
Try next:
  build/release/bin/http1-server --port 8080 --trace    then open http://127.0.0.1:8080/hello
  build/release/bin/http1-client --trace https://example.org/    the client's side
  build/release/bin/http1-server --pcap /tmp/talk.pcap    then ask it for /hello, stop it with Ctrl-C,
                                                          and open the file with Wireshark
The page to read: book/http1.md""")
