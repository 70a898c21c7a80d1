from websockets.sync.client import connect

with connect("ws://127.0.0.1:8765") as websocket:
    websocket.send("WebSocket")
    print("Response:", websocket.recv())
