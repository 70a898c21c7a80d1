// Reads what was said on TCP connections from a capture file: what labs/machinery/capture.py does, in the
// browser. Enough for small captures in the pcap format, as tcpdump and our own programs write it.
'use strict';

const LINK_HEADERS = {1: 14, 101: 0, 0: 4, 113: 16, 228: 0}; // Ethernet, raw IP, loopback, cooked, raw IPv4

// One connection: who it was between, and what was said, in order: [['client', Uint8Array], ...].
class Connection {
  constructor(client, server) {
    this.client = client;
    this.server = server;
    this.said = [];
    this.next = {};
    this.early = {client: new Map(), server: new Map()};
  }

  begin(who, sequence) {
    this.next[who] = (sequence + 1) >>> 0;
  }

  // Bytes of a segment; what comes again is dropped, what comes early waits.
  add(who, sequence, data) {
    this.next[who] ??= sequence;
    const behind = (this.next[who] - sequence) >>> 0;
    if (behind >= 0x80000000) {
      if (data.length > 0) this.early[who].set(sequence, data);
      return;
    }
    const fresh = data.subarray(behind);
    if (fresh.length === 0) return;
    this.said.push([who, fresh]);
    this.next[who] = (this.next[who] + fresh.length) >>> 0;
    const waiting = this.early[who].get(this.next[who]);
    this.early[who].delete(this.next[who]);
    if (waiting) this.add(who, this.next[who], waiting);
  }
}

// The connections of a capture in which something was said. Throws an Error that a reader understands.
function readCapture(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 4 && view.getUint32(0) === 0x0a0d0d0a)
    throw new Error('this is pcapng: save it as pcap');
  const orders = {0xd4c3b2a1: true, 0x4d3cb2a1: true, 0xa1b2c3d4: false, 0xa1b23c4d: false};
  const little = bytes.length >= 24 ? orders[view.getUint32(0)] : undefined;
  if (little === undefined) throw new Error('this is no pcap file');
  const link = view.getUint32(20, little) & 0xffff;
  if (!(link in LINK_HEADERS)) throw new Error(`link type ${link} is not read here`);
  const connections = new Map();
  for (let at = 24; at + 16 <= bytes.length;) {
    const size = view.getUint32(at + 8, little);
    readPacket(bytes.subarray(at + 16, at + 16 + size).subarray(LINK_HEADERS[link]), connections);
    at += 16 + size;
  }
  return [...connections.values()].filter((connection) => connection.said.length > 0);
}

// One IP packet, if it carries TCP.
function readPacket(packet, connections) {
  if (packet.length < 20) return;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const version = packet[0] >> 4;
  let addresses, segment;
  if (version === 4 && packet[9] === 6) {
    addresses = [12, 16].map((at) => packet.subarray(at, at + 4).join('.'));
    segment = packet.subarray(4 * (packet[0] & 15), view.getUint16(2) || packet.length);
  } else if (version === 6 && packet.length >= 40 && packet[6] === 6) {
    const part = (at) =>
      [...packet.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    addresses = [part(8), part(24)];
    segment = packet.subarray(40, 40 + view.getUint16(4));
  }
  if (!segment || segment.length < 20) return;
  const tcp = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const ports = [tcp.getUint16(0), tcp.getUint16(2)];
  const [sender, receiver] = [0, 1].map((end) => `${addresses[end]} port ${ports[end]}`);
  const synchronises = Boolean(segment[13] & 2),
    acknowledges = Boolean(segment[13] & 16);
  const key = [sender, receiver].sort().join(' ');
  if (!connections.has(key) || (synchronises && !acknowledges)) {
    // Without its beginning, whoever has the smaller port is taken for the server.
    const isClient = synchronises ? !acknowledges : ports[0] > ports[1];
    connections.set(key, isClient ? new Connection(sender, receiver) : new Connection(receiver, sender));
  }
  const connection = connections.get(key);
  const who = sender === connection.client ? 'client' : 'server';
  if (synchronises) connection.begin(who, tcp.getUint32(4));
  else connection.add(who, tcp.getUint32(4), segment.subarray(4 * (segment[12] >> 4)));
}
