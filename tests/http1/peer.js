// Node.js as a peer. Prints JSON for the tests to judge.
//
//   node peer.js http URL      asks with the http module: several requests over one connection
//   node peer.js undici URL    asks with undici, the client behind fetch
//   node peer.js serve PORT [CERTIFICATE KEY]   a server, for our client
"use strict";
const fs = require("fs");
const http = require("http");
const https = require("https");

// A request by the http module; resolves to what came back.
function ask(agent, url, options, content) {
  return new Promise((resolve, reject) => {
    const client = url.startsWith("https:") ? https : http;
    const request = client.request(url, { agent, ...options }, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text: Buffer.concat(pieces).toString("latin1"),
          reused: request.reusedSocket,
        }),
      );
    });
    request.on("error", reject);
    if (content) for (const piece of content) request.write(piece);
    request.end();
  });
}

async function askByHttp(base) {
  const agent = new (base.startsWith("https:") ? https : http).Agent({ keepAlive: true, maxSockets: 1 });
  const results = [
    await ask(agent, base + "/hello", {}),
    await ask(agent, base + "/echo", { method: "POST", headers: { "Content-Length": 4 } }, ["sent"]),
    await ask(agent, base + "/echo", { method: "POST" }, ["in ", "chunks"]),
    await ask(agent, base + "/hello", { method: "HEAD" }),
    await ask(agent, base + "/missing", {}),
  ];
  agent.destroy();
  return results;
}

async function askByUndici(base) {
  const undici = require("undici");
  const ca = process.env.NODE_EXTRA_CA_CERTS;
  const connect = ca ? { ca: fs.readFileSync(ca) } : undefined;
  const client = new undici.Client(base, { pipelining: 4, connect });
  async function* chunks() {
    yield "in ";
    yield "chunks";
  }
  const answers = await Promise.all([
    client.request({ path: "/hello", method: "GET" }),
    client.request({ path: "/echo", method: "PUT", body: "sent" }),
    client.request({ path: "/echo", method: "PUT", body: chunks() }),
    client.request({ path: "/hello", method: "HEAD" }),
    client.request({ path: "/missing", method: "GET" }),
  ].map((answer) => answer.then(async ({ statusCode, headers, body }) =>
      ({ status: statusCode, headers, text: await body.text() }))));
  await client.close();
  return answers;
}

function serve(port, certificate, key) {
  let connections = 0;
  const onRequest = async (request, response) => {
    const seen = { method: request.method, url: request.url, headers: request.headers, connections };
    if (request.url === "/seen") return response.end(JSON.stringify(seen));
    if (request.url === "/hints") {
      response.writeEarlyHints({ link: "</style.css>; rel=preload" });
      return response.end("after the hints");
    }
    if (request.url === "/trailers") {
      response.writeHead(200, { Trailer: "X-Sum" });
      response.write("first, ");
      response.write("second");
      response.addTrailers({ "X-Sum": "42" });
      return response.end();
    }
    if (request.url === "/close") return response.writeHead(200, { Connection: "close" }).end("bye");
    if (request.url === "/echo") return request.pipe(response);
    response.writeHead(404).end("nothing here");
  };
  const server = certificate
    ? https.createServer({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key) }, onRequest)
    : http.createServer(onRequest);
  server.on(certificate ? "secureConnection" : "connection", () => connections++);
  server.on("checkContinue", (request, response) => {
    console.log("asked to continue");
    if (request.url === "/refuse") {
      response.writeHead(413).end("too much");
      request.socket.on("close", () => console.log(`read ${request.socket.bytesRead} bytes`));
      return;
    }
    response.writeContinue();
    onRequest(request, response);
  });
  server.listen(Number(port), "127.0.0.1");
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === "serve") serve(...rest);
else (mode === "http" ? askByHttp : askByUndici)(...rest).then((result) => console.log(JSON.stringify(result)));
