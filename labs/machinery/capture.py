"""Reads what was said on TCP connections from a capture file (pcap, as tcpdump and our own programs
write it), and writes small ones. Enough for labs: one capture, few connections."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from support.console import SetupError

_ETHERNET, _RAW, _LOOPBACK, _COOKED = 1, 101, 0, 113
_HEADER = {_ETHERNET: 14, _RAW: 0, _LOOPBACK: 4, _COOKED: 16}


@dataclass
class Connection:
    """One TCP connection: who it was between, and what was said, in order."""

    client: tuple[str, int]
    server: tuple[str, int]
    said: list[tuple[str, bytes]] = field(default_factory=list)
    _next: dict[str, int] = field(default_factory=dict)
    _early: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def add(self, who: str, sequence: int, data: bytes) -> None:
        """Bytes of a segment; what comes again is dropped, what comes early waits."""
        expected = self._next.setdefault(who, sequence)
        behind = (expected - sequence) & 0xFFFFFFFF
        if behind < 0x80000000:
            data = data[behind:]
        elif data:
            self._early.setdefault(who, {})[sequence] = data
            return
        if data:
            self.said.append((who, data))
            self._next[who] = (expected + len(data)) & 0xFFFFFFFF
            early = self._early.get(who, {})
            waiting = early.pop(self._next[who], None)
            if waiting:
                self.add(who, self._next[who], waiting)

    def begin(self, who: str, sequence: int) -> None:
        self._next[who] = (sequence + 1) & 0xFFFFFFFF


def read(file: Path) -> list[Connection]:
    """The TCP connections of a capture in which something was said."""
    data = file.read_bytes()
    orders = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<"}
    order = orders.get(data[:4])
    if order is None or len(data) < 24:
        hint = "; save it as pcap, not pcapng" if data[:4] == b"\x0a\x0d\x0d\x0a" else ""
        raise SetupError(f"{file} is no pcap file{hint}")
    link = struct.unpack_from(f"{order}I", data, 20)[0] & 0xFFFF
    if link not in (*_HEADER, 228):
        raise SetupError(f"{file}: link type {link} is not read here")
    connections: dict[tuple, Connection] = {}
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from(f"{order}I", data, at + 8)[0]
        _packet(data[at + 16 : at + 16 + size][_HEADER.get(link, 0) :], connections)
        at += 16 + size
    return [connection for connection in connections.values() if connection.said]


def _packet(packet: bytes, connections: dict[tuple, Connection]) -> None:
    """One IP packet, if it carries TCP."""
    if len(packet) < 20:
        return
    version = packet[0] >> 4
    if version == 4 and packet[9] == 6:
        size = struct.unpack_from(">H", packet, 2)[0]
        source, target = (".".join(map(str, packet[i : i + 4])) for i in (12, 16))
        segment = packet[4 * (packet[0] & 15) : size or len(packet)]
    elif version == 6 and len(packet) >= 40 and packet[6] == 6:
        size = struct.unpack_from(">H", packet, 4)[0]
        source, target = (packet[i : i + 16].hex() for i in (8, 24))
        segment = packet[40 : 40 + size]
    else:
        return
    if len(segment) < 20:
        return
    from_port, to_port, sequence = struct.unpack_from(">HHI", segment)
    offset, flags = segment[12] >> 4, segment[13]
    sender, receiver = (source, from_port), (target, to_port)
    synchronises, acknowledges = flags & 2, flags & 16
    key = tuple(sorted((sender, receiver)))
    if key not in connections or (synchronises and not acknowledges):
        # Without its beginning, whoever has the smaller port is taken for the server.
        is_client = bool(synchronises and not acknowledges) or (
            not synchronises and from_port > to_port
        )
        ends = (sender, receiver) if is_client else (receiver, sender)
        connections[key] = Connection(*ends)
    connection = connections[key]
    who = "client" if sender == connection.client else "server"
    if synchronises:
        connection.begin(who, sequence)
    else:
        connection.add(who, sequence, segment[4 * offset :])


def write(file: Path, said: list[tuple[str, bytes]], port: int = 80) -> None:
    """One connection between 192.0.2.1 and 192.0.2.2 (RFC 5737: addresses for documentation)."""
    addresses = {"client": bytes([192, 0, 2, 1]), "server": bytes([192, 0, 2, 2])}
    ports = {"client": 49152, "server": port}
    sequence = {"client": 1000, "server": 5000}
    packets = []

    def packet(who: str, flags: int, data: bytes = b"") -> None:
        other = "server" if who == "client" else "client"
        tcp = struct.pack(
            ">HHIIBBHHH",
            *(ports[who], ports[other], sequence[who], sequence[other] * bool(flags & 16)),
            *(5 << 4, flags, 65535, 0, 0),
        )
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(data), 0, 0x4000, 64, 6, 0)
        ip += addresses[who] + addresses[other]
        tcp = tcp[:16] + _checksum(_pseudo(ip, tcp + data) + tcp + data) + tcp[18:]
        packets.append(ip[:10] + _checksum(ip) + ip[12:] + tcp + data)
        sequence[who] += len(data) + bool(flags & 3)

    packet("client", 2)
    packet("server", 18)
    packet("client", 16)
    for who, data in said:
        for start in range(0, len(data), 1400):
            packet(who, 24, data[start : start + 1400])
    for who in ("client", "server"):
        packet(who, 17)
    packet("client", 16)
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, _RAW)
    for number, one in enumerate(packets):
        out += struct.pack("<IIII", 1_000_000_000, number * 1000, len(one), len(one)) + one
    file.write_bytes(out)


def _pseudo(ip: bytes, segment: bytes) -> bytes:
    return ip[12:20] + struct.pack(">BBH", 0, 6, len(segment))


def _checksum(data: bytes) -> bytes:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)
