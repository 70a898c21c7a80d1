// A client as people write it in JavaScript, by npm's ws. Arguments: the folder of ws, the address of the server, and
// what to say, a message each; "a|b" is one in two fragments, with a Ping between. A number is a status code to say
// goodbye with, else 1000. Prints every message that comes, and the end.
const [, , ws, address, ...words] = process.argv;
const WebSocket = require(ws);

const code = words.find((word) => /^\d+$/.test(word)) ?? "1000";
const messages = words.filter((word) => word !== code);
const socket = new WebSocket(`ws://${address}/`, { perMessageDeflate: messages.some((text) => text.length > 1000) });
let heard = 0;
socket.on("open", () => {
  for (const text of messages)
    text.split("|").forEach((part, i, parts) => {
      socket.send(part, { fin: i + 1 === parts.length });
      if (i + 1 < parts.length) socket.ping("between");
    });
});
socket.on("message", (data) => {
  console.log(data.toString());
  if (++heard === messages.length) socket.close(Number(code), "that was all");
});
socket.on("error", (error) => console.log(`error: ${error.message}`));
socket.on("close", (status, reason) => console.log(`closed: ${status} ${reason}`.trim()));
