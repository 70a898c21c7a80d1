// npm's ws as a peer. Prints JSON for the tests to judge, and takes the settings that peer.py takes.
//
//   node peer.js client SETTINGS    a conversation with our server
//   node peer.js server SETTINGS    a server for our client
"use strict";
const fs = require("fs");
const https = require("https");
const WebSocket = require("ws");

// So many bytes of ASCII that neither repeat nor are random.
function content(size) {
  const data = Buffer.alloc(size);
  for (let i = 0; i < size; i++) data[i] = (Math.floor((i * i) / 8) % 95) + 32;
  return data;
}

// The parameters of permessage-deflate, which have other names here; every message is compressed.
function deflate(settings) {
  const asked = settings.deflate;
  if (asked === null || asked === undefined) return false;
  return {
    threshold: 0,
    serverNoContextTakeover: asked.server_no_context_takeover,
    clientNoContextTakeover: asked.client_no_context_takeover,
    serverMaxWindowBits: asked.server_max_window_bits,
    clientMaxWindowBits: asked.client_max_window_bits,
  };
}

async function converse(settings) {
  const socket = new WebSocket(settings.url, settings.subprotocols || [], {
    perMessageDeflate: deflate(settings),
    headers: settings.headers,
    origin: settings.origin,
    ca: settings.ca && fs.readFileSync(settings.ca),
  });
  let extensions = "";
  socket.on("upgrade", (response) => (extensions = response.headers["sec-websocket-extensions"] || ""));
  const waiting = [], came = [];
  socket.on("message", (data, binary) => {
    came.push({ data, binary });
    if (waiting.length) waiting.shift()(came.shift());
  });
  const next = () => (came.length ? came.shift() : new Promise((resolve) => waiting.push(resolve)));
  await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));

  const echoed = [];
  for (const binary of [false, true]) {
    for (const size of settings.sizes || [5]) {
      const data = content(size);
      socket.send(data, { binary });
      const echo = await next();
      if (echo.binary !== binary || !echo.data.equals(data)) throw new Error("not what was sent");
      echoed.push(size);
    }
  }
  socket.send("in ", { fin: false });
  socket.send("three ", { fin: false });
  socket.send("pieces");
  if (String((await next()).data) !== "in three pieces") throw new Error("fragments");
  const pong = new Promise((resolve) => socket.once("pong", resolve));
  socket.ping("are you there?");
  if (String(await pong) !== "are you there?") throw new Error("pong");
  const closed = new Promise((resolve) => socket.on("close", (code, reason) => resolve([code, String(reason)])));
  socket.close(...(settings.close || [1000, ""]));
  return { subprotocol: socket.protocol || null, extensions, echoed, closed: await closed };
}

function act(socket, url) {
  const query = url.searchParams;
  if (url.pathname === "/echo") socket.on("message", (data, binary) => socket.send(data, { binary }));
  if (url.pathname === "/send")
    for (const size of query.get("sizes").split(","))
      socket.send(content(Number(size)), { binary: query.get("type") !== "text" });
  if (url.pathname === "/fragments") {
    socket.send("in ", { fin: false });
    socket.send("three ", { fin: false });
    socket.send("pieces");
  }
  if (url.pathname === "/ping") {
    socket.on("pong", () => socket.send("the pong has come"));
    socket.ping("are you there?");
  }
  if (url.pathname === "/close") socket.close(Number(query.get("code")), query.get("reason") || "");
}

function serve(settings) {
  const tls = settings.certificate && {
    cert: fs.readFileSync(settings.certificate),
    key: fs.readFileSync(settings.key),
  };
  const web = tls && https.createServer(tls).listen(0, "127.0.0.1");
  const spoken = settings.subprotocols || [];
  const server = new WebSocket.Server({
    ...(tls ? { server: web } : { host: "127.0.0.1", port: 0 }),
    perMessageDeflate: deflate(settings),
    handleProtocols: (offered) => spoken.find((each) => offered.has(each)) || false,
  });
  server.on("connection", (socket, request) => {
    socket.on("error", () => {}); // ws answers a bad peer by itself
    socket.on("close", (code, reason) =>
      console.log(
        JSON.stringify({
          path: request.url,
          headers: request.headers,
          subprotocol: socket.protocol || null,
          closed: [code, String(reason)],
        }),
      ),
    );
    act(socket, new URL(request.url, "ws://a"));
  });
  server.on("listening", () => console.log(`listening on 127.0.0.1:${server.address().port}`));
  process.on("SIGTERM", () => process.exit(0));
}

const settings = JSON.parse(process.argv[3]);
if (process.argv[2] === "server") serve(settings);
else
  converse(settings).then(
    (result) => console.log(JSON.stringify(result)),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
