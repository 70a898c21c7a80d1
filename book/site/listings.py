"""Colours listings and links the sections that they cite, after the generator has run.

Done here and not in the browser: the pages are whole without JavaScript, and there is nothing to
load. The colouring knows comments, strings, numbers and key words, which is what the eye needs.
"""

from __future__ import annotations

import html
import re

from pages import PICTURES, drawn, rfc_address

_CPP_WORDS = """
    alignas auto bool break case catch char class co_await co_return co_yield concept const const_cast
    constexpr continue default delete do double else enum explicit extern false final float for friend
    if inline int long mutable namespace new noexcept nullptr operator override private protected
    public reinterpret_cast requires return short signed sizeof static static_assert static_cast struct
    switch template this throw true try typedef typename union unsigned using virtual void while
"""
_PYTHON_WORDS = """
    and as assert async await break class continue def del elif else except False finally for from
    global if import in is lambda None nonlocal not or pass raise return True try while with yield
"""


def _lexer(comment: str, words: str) -> re.Pattern:
    return re.compile(
        rf"""(?P<comment>{comment})"""
        r"""|(?P<string>"(?:[^"\\\n]|\\.)*"|(?<![0-9a-zA-Z])'(?:[^'\\\n]|\\.)*')"""
        r"""|(?P<directive>^[ ]*\#[ ]*(?:include|pragma|if\w*|else|endif|define)\b)"""
        rf"""|\b(?P<word>{"|".join(words.split())})\b"""
        r"""|\b(?P<number>0x[0-9a-fA-F']+|[0-9][0-9']*(?:\.[0-9]+)?)[uUlLsf]*\b""",
        re.MULTILINE,
    )


_CPP = _lexer(r"//[^\n]*|/\*.*?\*/", _CPP_WORDS)
_PYTHON = _lexer(r"\#[^\n]*", _PYTHON_WORDS)
_LEXERS = {"cpp": _CPP, "python": _PYTHON, "toml": _lexer(r"\#[^\n]*", "true false")}
# What our programs print: who speaks, and what was refused.
_SPEAKER = re.compile(r"^(?P<line>[^\n]*\bclient (?P<way>[→←]) server  [^\n]*)$", re.MULTILINE)
_REFUSED = re.compile(r"^  !  .*$", re.MULTILINE)
_COMMAND = re.compile(r"^\$ .*$", re.MULTILINE)
_PICTURE = re.compile(f"[{''.join(PICTURES)}]")
_RFC = re.compile(r"\bRFC (\d{3,5})(?: §([0-9]+(?:\.[0-9]+)*))?")
_LISTING = re.compile(r'<pre><code class="language-(\w+)">(.*?)</code></pre>', re.DOTALL)


def coloured(page: str) -> str:
    """A page of HTML with all its listings coloured."""
    return _LISTING.sub(
        lambda match: f'<pre class="{match[1]}"><code>'
        f"{listing(html.unescape(match[2]), match[1])}</code></pre>",
        page,
    )


def listing(code: str, language: str) -> str:
    """Code as HTML."""
    if language in _LEXERS:
        shown, last = "", 0
        for token in _LEXERS[language].finditer(code):
            kind, text = token.lastgroup, html.escape(token[0], quote=False)
            if kind == "comment":
                text = _linked(text)
            shown += html.escape(code[last : token.start()], quote=False)
            shown += f'<span class="{kind}">{text}</span>'
            last = token.end()
        return shown + html.escape(code[last:], quote=False)
    text = _linked(html.escape(code, quote=False))
    text = _SPEAKER.sub(_spoken, text)
    text = _PICTURE.sub(lambda picture: drawn(picture[0]), text)
    text = _REFUSED.sub(lambda line: f'<span class="refused">{line[0]}</span>', text)
    if language == "console":
        text = _COMMAND.sub(lambda line: f'<span class="command">{line[0]}</span>', text)
    return text


def _spoken(match: re.Match) -> str:
    who = "client" if match["way"] == "→" else "server"
    return f'<span class="by-{who}">{match["line"]}</span>'


def _linked(text: str) -> str:
    """Escaped text with the sections that it cites as links."""
    return _RFC.sub(lambda rfc: f'<a href="{rfc_address(rfc[1], rfc[2] or "")}">{rfc[0]}</a>', text)
