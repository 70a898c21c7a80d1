"""Every diagnosis on a message of its own, and how often the right field is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.bytes_report import Field, assert_bytes, diagnose, join, length, report


def varint(value: int) -> bytes:
    """MQTT's Remaining Length: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def content_length(value: int) -> bytes:
    return b"Content-Length: %d\r\n" % value


def suback() -> list[Field]:
    body = [
        Field("Packet Identifier", b"\x12\x34", "0x1234, copied from SUBSCRIBE", "§3.9.2"),
        Field("Return code [0]", b"\x01", "granted QoS 1", "§3.9.3"),
        Field("Return code [1]", b"\x80", "failure", "§3.9.3"),
    ]
    return [
        Field("Packet type", b"\x90", "SUBACK"),
        length("Remaining Length", body, varint, "§2.2.3"),
        *body,
    ]


def publish() -> list[Field]:
    """The Remaining Length is close to where it needs a second byte."""
    topic = [Field("Topic", b"sensors/kitchen")]
    body = [length("Topic length", topic, 2), *topic, Field("Payload", bytes(range(65, 175)))]
    return [Field("Packet type", b"\x30"), length("Remaining Length", body, varint), *body]


def kafka() -> list[Field]:
    body = [
        Field("correlation_id", bytes.fromhex("0a95c1bf"), "copied from the request"),
        Field("error_code", b"\x00\x2a"),
        Field("api_keys.length", b"\x02", "one entry, written as n + 1"),
        Field("api_key", b"\x00\x12", "ApiVersions"),
        Field("min_version", b"\x00\x03"),
        Field("max_version", b"\x00\x04"),
        Field("tagged fields", b"\x05"),
        Field("throttle_time_ms", bytes.fromhex("00010a5a")),
    ]
    return [length("message_size", body, 4, "Kafka: Size"), *body]


def stun() -> list[Field]:
    """Lengths inside a length."""
    software = [Field("SOFTWARE", b"wire")]
    username = [Field("USERNAME", b"evtj:h6v")]
    attributes = [
        Field("SOFTWARE type", b"\x80\x22"),
        length("SOFTWARE length", software, 2),
        *software,
        Field("USERNAME type", b"\x00\x06"),
        length("USERNAME length", username, 2),
        *username,
    ]
    return [
        Field("Message Type", b"\x01\x11"),
        length("Message Length", attributes, 2, "RFC 8489 §5"),
        Field("Magic Cookie", bytes.fromhex("2112a442")),
        Field("Transaction ID", bytes.fromhex("b7e7a701bc34d686fa87dfae")),
        *attributes,
    ]


def http() -> list[Field]:
    body = [Field("body", b"Hello, World!")]
    return [
        Field("status line", b"HTTP/1.1 200 OK\r\n"),
        Field("Content-Type", b"Content-Type: text/plain\r\n"),
        length("Content-Length", body, content_length, "RFC 9110 §8.6"),
        Field("ETag", b'ETag: "5f"\r\n'),
        Field("empty line", b"\r\n"),
        *body,
    ]


MESSAGES = [suback, publish, kafka, stun, http]


def resized(fields: list[Field]) -> list[Field]:
    """The fields with their lengths written anew, independently of the code under test."""
    for _ in fields:  # as often as lengths can be nested
        sizes = {field.name: len(field.data) for field in fields}
        fields = [
            (
                replace(f, data=f.encode(sum(sizes.get(name, 0) for name in f.counts)))
                if f.counts
                else f
            )
            for f in fields
        ]
    return fields


def single_faults(message: list[Field]):
    """(index, bytes) for every single mistake that the module claims to know."""
    for i, field in enumerate(message):
        before, after, data = message[:i], message[i + 1 :], field.data
        values = {data[:-1] + bytes([data[-1] ^ 1]), data[::-1]} - {data}
        if field.counts:
            size = sum(len(other.data) for other in message if other.name in field.counts)
            values = {
                field.encode(size + 1),
                field.encode(size - 1),
                field.encode(size + len(data)),
            }
        for value in values:
            yield i, join([*before, replace(field, data=value), *after])
        if field.counts:
            continue
        other_sizes = (
            [data + b"\0", data[:-1]] if len(data) > 4 else [bytes(len(data)) + data, data[1:]]
        )
        changes = [[], [field, field]]  # missing, twice
        changes += [[replace(field, data=other)] for other in other_sizes if other]
        for change in changes:
            faulty = [*before, *change, *after]
            yield i, join(faulty)
            yield i, join(resized(faulty))


@pytest.mark.parametrize("message", MESSAGES)
def test_equal_bytes_have_no_report(message):
    assert report(message(), join(message()), "t") == ""
    assert diagnose(message(), join(message())) == []


def test_the_right_field_is_named():
    faults = [(m, i, got) for m in (make() for make in MESSAGES) for i, got in single_faults(m)]
    wrong = []
    for message, index, got in faults:
        found = diagnose(message, got)
        if not found or found[0].index != index:
            wrong.append((message[index].name, got, found[:2]))
    named = len(faults) - len(wrong)
    print(f"{named} of {len(faults)} single faults named")
    assert len(faults) > 200
    assert named >= 0.95 * len(faults), wrong


def test_missing_field_with_lengths_that_match():
    text = report(suback(), bytes.fromhex("9003 1234 80"), "SUBACK")
    assert "MISSING: Return code [0] at byte 4   [§3.9.3]" in text
    assert "got       (nothing)" in text
    assert "never written" in text
    assert any(
        line.split() == ["~", "1", "04", "03", "Remaining", "Length"] for line in text.splitlines()
    )


def test_missing_field_that_the_length_still_counts():
    text = report(suback(), bytes.fromhex("9004 1234 80"), "SUBACK")
    assert "MISSING: Return code [0]" in text
    assert "changed after they were written" in text


def test_byte_order():
    text = report(suback(), bytes.fromhex("9004 3412 01 80"), "SUBACK")
    assert "WRONG VALUE: Packet Identifier at byte 2" in text
    assert "byte order" in text


@pytest.mark.parametrize(
    "value, hint",
    [("03", "off by one (-1)"), ("05", "off by one (+1)"), ("00", "zero"), ("07", "")],
)
def test_wrong_length(value, hint):
    text = report(suback(), bytes.fromhex(f"90{value} 1234 01 80"), "SUBACK")
    assert "WRONG VALUE: Remaining Length at byte 1" in text
    assert hint in text
    assert ("likely" in text) == bool(hint)


def test_length_that_counts_itself():
    got = b"\x00\x00\x00\x16" + join(kafka()[1:])
    assert "the length counts its own bytes" in report(kafka(), got, "ApiVersions")


def test_text_length():
    got = join(http()).replace(b"13", b"14")
    assert "WRONG VALUE: Content-Length" in report(http(), got, "GET /hello")
    assert "off by one (+1)" in report(http(), got, "GET /hello")


def test_case_of_text():
    got = join(http()).replace(b"ETag", b"Etag")
    assert "upper and lower case" in report(http(), got, "GET /hello")


def test_wrong_size():
    wide = [replace(f, data=b"\x00\x00" + f.data) if f.name == "error_code" else f for f in kafka()]
    text = report(kafka(), join(resized(wide)), "ApiVersions")
    assert "WRONG SIZE: error_code at byte 8" in text
    assert "4 bytes, the specification says 2" in text


def test_twice():
    got = bytes.fromhex("9005 1234 01 01 80")
    assert "TWICE: Return code [0]" in report(suback(), got, "SUBACK")


def test_swapped():
    got = bytes.fromhex("9004 1234 80 01")
    assert "SWAPPED WITH THE NEXT: Return code [0]" in report(suback(), got, "SUBACK")


def test_more_than_one_field():
    text = report(suback(), bytes.fromhex("9104 1235 01 81"), "SUBACK")
    assert "MORE THAN ONE THING differs, the first at byte 0: Packet type" in text


def test_bytes_behind_the_end():
    text = report(suback(), bytes.fromhex("9104 1234 01 80 ee ff"), "SUBACK")
    assert "(behind the end)" in text
    text = report(suback(), join(suback()) + b"\xee\xff", "SUBACK")
    assert "TOO MUCH: the end at byte 6" in text


def test_the_table_is_in_step_behind_the_fault():
    lines = report(
        kafka(), join(resized([f for f in kafka() if f.name != "api_key"])), "t"
    ).splitlines()
    marks = {line.split("  ")[-1].strip(): line[2] for line in lines if line[5:9].strip().isdigit()}
    assert marks["message_size"] == "~" and marks["api_key"] == "!"
    assert [name for name, mark in marks.items() if mark != " "] == ["message_size", "api_key"]


def test_assert_bytes():
    assert_bytes(suback(), join(suback()), "SUBACK")
    with pytest.raises(AssertionError, match="Remaining Length"):
        assert_bytes(suback(), bytes.fromhex("9005 1234 01 80"), "SUBACK")
