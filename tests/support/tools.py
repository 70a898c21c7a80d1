"""Real tools that a test talks to: absent is a visible skip for a user, a failure in CI."""

from __future__ import annotations

import importlib

from support.project import IN_CI
from support.system import find_program


def require(name: str) -> str:
    """The path of a program."""
    return find_program(name) or _absent(f"{name} is not installed")


def require_module(name: str):
    """A Python package of the chapter's pinned peers."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return _absent(f"the Python package {name} is not installed")


def _absent(reason: str):
    import pytest  # the labs start peers, too, and have no pytest

    if IN_CI:
        pytest.fail(f"{reason}, and CI=true wants every tool", pytrace=False)
    pytest.skip(reason)
