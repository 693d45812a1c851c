"""Names that strangers may choose."""

from __future__ import annotations

NAMES = {
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "an end of script": "</script><script>alert(1)</script>",
    "an end of a comment": "--><!--<script>",
    "a template": "{{ 7*7 }}{% raw %}${7*7}",
    "a formula": "=HYPERLINK(\"http://example.com\",\"x\")",
    "a formula after a space": "  +1+cmd|' /C calc'!A0",
    "a full-width formula": "\uff1d1+1",
    "a mention and a link": "@octocat [x](http://example.com) www.example.com #1",
    "a table cell": "a | b | c `code` **bold**",
    "right to left": "\u202egpj.exe \u05d0\u200f",
    "lines": "one\ntwo\r\nthree\u2028four",
    "controls": "\x00\x01\x1b[31mred\x7f\x9b",
    "long": "x" * 10_000,
    "beyond the basic plane": "\U0001f600\U000e0041",
    "quotes": "\"'`\\",
    "XML": "]]><![CDATA[&amp;\ufffe\uffff",
    "nothing": "",
}  # fmt: skip
