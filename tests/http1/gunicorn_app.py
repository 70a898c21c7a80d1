"""The application that gunicorn runs for our client's tests (WSGI, PEP 3333)."""

from __future__ import annotations

from typing import Callable, Iterable


def app(environ: dict, start_response: Callable) -> Iterable[bytes]:
    """/echo gives the content back; anything else is answered in three pieces."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/echo":
        return [environ["wsgi.input"].read()]
    return [b"in ", b"three ", b"pieces"]  # without a length: gunicorn sends chunks
