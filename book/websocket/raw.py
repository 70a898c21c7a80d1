import socket, sys
connection = socket.create_connection(("127.0.0.1", 8765))
connection.sendall(
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
connection.recv(9999)
connection.sendall(bytes.fromhex("".join(sys.argv[1:])))
while answer := connection.recv(9999):
    print(answer.hex(" "), " ", answer)
