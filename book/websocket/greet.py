from websockets.sync.server import serve

def greet(websocket):
    for message in websocket:
        websocket.send(f"Hello, {message}")

with serve(greet, "127.0.0.1", 8766) as server:
    server.serve_forever()
