"""The co_await rule: co_await is a statement of its own or the whole initialiser of a variable.

GCC 12 miscompiles most other uses without a warning: conditions do not short-circuit, operands
run backwards, aggregates and lambdas that live in the same expression are destroyed twice. So
only these forms pass,

    co_await e;      T x = co_await e;      auto [a, b] = co_await e;      x = co_await e;
    co_return co_await e;

where e is one call whose arguments have no braces, no lambda, no `?:` and no other co_await. (It
may be in parentheses, where Asio's operators || and && stand.) And coroutines are named functions:
a capturing lambda is often gone before its coroutine ends.
"""

from __future__ import annotations

import re
from pathlib import Path

from style.sources import files, place

# What is not code is blanked: comments, strings (raw ones too), characters (not the ' in 1'000).
_NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL,
)
# What may stand before co_await in its statement: nothing, co_return, or what is initialised.
_BEFORE = re.compile(r"(co_return|[\w:<>,*&\s.\[\]()-]*[\w\]]\s*=)?")
# What co_await may wait for, with everything in parentheses and angles taken out.
_OPERAND = re.compile(r"[\w:.\s]|->")
_CAPTURES = r"(?<![\w\])])\[[^\[\]]*\]\s*(?:\([^()]*\)\s*)?(?:mutable\s*|noexcept\s*)*"
_LAMBDA = re.compile(_CAPTURES + r"(?:->|\{)")
_COROUTINE_LAMBDA = re.compile(_CAPTURES + r"->\s*[\w:]*awaitable\b")
_CONTROL = re.compile(r"\b(if|while|switch|for)\s*(?:constexpr\s*)?$")
# A brace behind one of these begins a block; any other brace begins an initialiser.
_BLOCK = re.compile(
    r"(^|[;{}:)\]])\s*$"
    r"|\b(else|do|try|const|noexcept|mutable|override|final)\s*$"
    r"|\)[\w\s]*->\s*[\w:<>,*&\s]+$"
)


def problems() -> list[str]:
    """Every use of co_await in the project that breaks the rule."""
    return [
        found for file in files(".cpp", ".hpp") for found in problems_in(file, file.read_text())
    ]


def problems_in(file: Path, text: str) -> list[str]:
    """The uses in one file that break the rule."""
    code = _NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    found = []
    for use in re.finditer(r"\bco_await\b", code):
        reason = _wrong_before(code[: use.start()]) or _wrong_after(code[use.end() :])
        if reason:
            found.append(f"{place(file, text, use.start())}: co_await {reason}")
    for use in _COROUTINE_LAMBDA.finditer(code):
        found.append(
            f"{place(file, text, use.start())}: a coroutine is a named function, not a lambda"
        )
    return found


def _wrong_before(before: str) -> str:
    """Why co_await may not stand behind this code; empty if it may."""
    start, opened = _statement_start(before)
    if opened == "(" or opened == "[":
        control = _CONTROL.search(before[:start])
        return f"in the condition of {control[1]}" if control else "inside another expression"
    if opened == "{" and not _BLOCK.search(before[:start]):
        return "inside a braced initialiser"
    head = before[start + 1 :].strip()
    head = re.sub(r"^(case\b[^:]*(::[^:]*)*|default)\s*:(?!:)\s*", "", head)
    head = re.sub(r"^(else|do)\b\s*", "", head)
    head = re.sub(r"^(if|for|while)\s*(constexpr\s*)?\((?:[^()]|\([^()]*\))*\)\s*", "", head)
    return "" if _BEFORE.fullmatch(head) else "is not the whole right-hand side"


def _statement_start(before: str) -> tuple[int, str]:
    """Where the last statement of the code begins: the place and the character in front of it."""
    depth = 0
    for position in range(len(before) - 1, -1, -1):
        character = before[position]
        if character in ")]":
            depth += 1
        elif character in "([":
            if depth == 0:
                return position, character
            depth -= 1
        elif character in ";{}" and depth == 0:
            return position, character
    return -1, ";"


def _wrong_after(after: str) -> str:
    """Why co_await may not wait for what this code begins with; empty if it may."""
    operand = _up_to_semicolon(after)
    if _LAMBDA.search(operand):
        return "with a lambda in the same statement"
    if "{" in operand:
        return "with braces in the same statement"
    if "?" in operand:
        return "with ?: in the same statement"
    outside = operand
    while True:
        inner = re.sub(r"\([^()]*\)|\[[^\[\]]*\]|<[\w:,*&\s]*>", "", outside)
        if inner == outside:
            break
        outside = inner
    if _OPERAND.sub("", outside):
        return "is only a part of the expression"
    return ""


def _up_to_semicolon(code: str) -> str:
    """The code up to the end of its statement, or of what encloses it."""
    depth = 0
    for position, character in enumerate(code):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        if depth < 0 or (character == ";" and depth == 0):
            return code[:position]
    return code
