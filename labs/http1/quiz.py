"""Two exchanges on one connection, and what a reader should be able to tell about them."""

from machinery.quiz import Question


def quiz(draw):
    """What was said, and the questions."""
    host, target, text = f"{draw.word()}.example", draw.path(), draw.text(draw.number(30, 60))
    pieces = [draw.text(draw.number(17, 31)), draw.text(draw.number(3, 9))]
    fields = ["Content-Type: text/plain", f"Content-Length: {len(text)}", "Server: on-the-wire"]
    fields = draw.order(fields)[: draw.number(2, 3)]
    if not any("Length" in one for one in fields):
        fields[0] = f"Content-Length: {len(text)}"
    get = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n"
    ok = "\r\n".join(["HTTP/1.1 200 OK", *fields, "", text])
    status = draw.order([("404", "Not Found"), ("403", "Forbidden"), ("410", "Gone")])[0]
    chunks = "".join(f"{len(piece):x}\r\n{piece}\r\n" for piece in pieces)
    post = (
        f"POST /{draw.word()} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        f"{chunks}0\r\n\r\n"
    )
    refusal = f"HTTP/1.1 {' '.join(status)}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    said = [("client", get), ("server", ok), ("client", post), ("server", refusal)]
    questions = [
        Question(
            "How many bytes does the head of the first request have, its empty line included?",
            str(len(get)),
            "It ends with the empty line: CR LF CR LF (RFC 9112 §2.1).",
        ),
        Question(
            "At which offset does the value of Host begin, in what the client says first?",
            str(get.index(host)),
            "White space behind the colon is no part of the value (RFC 9112 §5.1).",
        ),
        Question(
            "Which two bytes, in hexadecimal, end every line?",
            "0d 0a",
            "CR LF (RFC 9112 §2.1).",
        ),
        Question(
            "How many field lines does the first response have?",
            str(len(fields)),
            "The status-line is none, nor is the empty line (RFC 9112 §5).",
        ),
        Question(
            "How many bytes of content does the first response have?",
            str(len(text)),
            "Content-Length says so (RFC 9112 §6.2).",
        ),
        Question(
            "What is the first chunk-size of the second request, as it stands on the wire?",
            f"{len(pieces[0]):x}",
            "It is the line behind the head, in hexadecimal (RFC 9112 §7.1).",
        ),
        Question(
            "How many bytes of content does the second request have, its transfer coding removed?",
            str(sum(map(len, pieces))),
            "Add up the chunk-sizes: their lines, and the line ends, do not count (RFC 9112 §7.1.3).",
        ),
        Question(
            "At which offset does the last chunk begin, in the second thing that the client says?",
            str(post.index("0\r\n\r\n", post.index(pieces[1]) + len(pieces[1]))),
            "It is the one of size 0 (RFC 9112 §7.1).",
        ),
        Question(
            "Which status code does the second response have?",
            status[0],
            "It is the second word of the status-line (RFC 9112 §4).",
        ),
        Question(
            "May the client send a third request on this connection: yes or no?",
            "no",
            "The last response says Connection: close (RFC 9112 §9.6).",
        ),
    ]
    return [(who, text.encode()) for who, text in said], questions
