import socket, sys
server = socket.create_server(("127.0.0.1", 8083))
while True:
    client, _ = server.accept()
    client.recv(9999)
    client.sendall(sys.argv[1].encode().decode("unicode_escape").encode())
    client.close()
