// The tutorial's server as people write it in JavaScript, by npm's ws: it greets whoever says a name. Argument: the
// folder of ws.
const { WebSocketServer } = require(process.argv[2]);

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("connection", (socket) => {
  socket.on("error", (error) => console.log(`error: ${error.message}`));
  socket.on("message", (data) => socket.send(`Hello, ${data}`));
});
server.on("listening", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
