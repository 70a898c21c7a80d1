// The echo server of npm's ws, for the benchmark and for conversations with our client.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("connection", (socket) => {
  socket.on("error", () => {}); // a bad peer is answered by ws itself
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.on("listening", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
