"""Names are chosen by strangers: here they lose what they could do to a page or a sheet."""

from __future__ import annotations

import re

# Controls, and characters that turn the direction of text, join nothing or cannot be seen.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# Excel also takes full-width signs for the start of a formula.
_FORMULA = re.compile(" *[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
# What means something inside a line of GitHub's Markdown; an underscore or an ampersand only where it can.
_MARKDOWN = re.compile(
    r"[\\`*\[\]<>|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|:(?=//)|(?<=www)\.", re.IGNORECASE
)
_MENTION = re.compile(r"(?<![\w.])@\w")


def visible(text: str) -> str:
    r"""Write every character that cannot be seen, or that turns the line around, as `\uXXXX`."""
    if text.isprintable():  # much the quickest way to say no
        return text
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def shown(text: str) -> str:
    """At most 2,000 characters that can be printed and encoded: a file's name may not even be UTF-8."""
    return visible(text[:2_000].encode("utf-8", "replace").decode())


def printable(text: str) -> str:
    """Text of several lines for a terminal: every line `visible`."""
    return "\n".join(map(visible, text.encode("utf-8", "replace").decode().split("\n")))


def cell(text: str) -> str:
    """Text for a spreadsheet cell: never a formula, whatever its first character."""
    return visible(f"'{text}" if _FORMULA.match(text) else text)


def markdown(text: str, limit: int = 200) -> str:
    """Text for a Markdown table, cut to `limit` characters: no markup, links, mentions or HTML in it."""
    text = _cut(visible(text), limit)
    if _MENTION.search(text):  # no escape keeps a name from being notified, only code does
        return markdown_code(text, limit)
    return _MARKDOWN.sub(lambda match: f"\\{match[0]}", text)


def markdown_code(text: str, limit: int = 80) -> str:
    """A name as `code` in a Markdown table; what a cell cannot quote (| and `) as text."""
    text = _cut(visible(text), limit)
    if "|" in text or "`" in text:
        return _MARKDOWN.sub(lambda match: f"\\{match[0]}", text.replace("@", "(at)"))
    return f"`{text}`" if text.strip() else ""


def _cut(text: str, limit: int) -> str:
    return f"{text[: limit - 1]}…" if len(text) > limit else text
