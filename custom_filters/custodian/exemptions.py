"""Reading exemptions files: from a path or an s3://, gs:// or https:// URL, bounded and strict.

The file is YAML (or JSON, which Lambda reads without PyYAML): `exemptions:` with a list of entries, each with
provider, account, user, reason, approved_by and expires.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from c7n.exceptions import PolicyExecutionError
from c7n.utils import local_session

from custom_filters.core.exemption import Exemption, ExemptionError, parse_exemption
from custom_filters.custodian import clock
from custom_filters.custodian.store import shared

#: Larger files are refused: about 8,000 entries.
SIZE_LIMIT = 1024 * 1024
#: What a policy writes when it has no exemptions, so that nobody forgets them by accident.
NONE = "none"
_TIMEOUT = 30
#: No file of ours is nested deeper.
_DEEPEST = 16
#: What a URL may ask for. Custodian writes policies into metadata.json, with the URLs in them.
_PLAIN_QUERY = frozenset({"version", "versionid", "generation", "ref", "region"})


def load_exemptions(location: str | None, session_factory: Callable[[], Any]) -> tuple[Exemption, ...]:
    """The exemptions at `location`, read once a run; () for None and `none`.

    Raises PolicyExecutionError, with the file, the line and the remedy, on anything that cannot be taken.
    """
    if location is None or location == NONE:
        return ()
    session = local_session(session_factory)
    return shared(session, ("exemptions", location), lambda: read_exemptions(location, session))


def absent_problem(
    entries: Iterable[Exemption], provider: str, account: str, exists: Callable[[str], bool], now: datetime
) -> str | None:
    """Why nobody of an account is touched: an exemption names somebody who is not there, perhaps misspelt."""
    for entry in entries:
        mine = entry.is_literal and (entry.provider, entry.account.lower()) == (provider, account.lower())
        if not mine or entry.may_be_absent or entry.expired(now):
            continue
        if not exists(entry.user):
            return (
                f"the exemption of {entry.user} in the account {account} matches nobody; correct its "
                "name, or add `may-be-absent: true`"
            )
    return None


def read_exemptions(location: str, session: Any = None) -> tuple[Exemption, ...]:
    """Read and check the file at `location` now; see load_exemptions."""
    try:
        entries = read_entries(location, session, "exemptions")
        return tuple(parse_exemption(entry, where, clock.now()) for entry, where in entries)
    except ExemptionError as error:
        raise PolicyExecutionError(str(error)) from error


def location_problem(location: str) -> str | None:
    """Why a URL may not stand in a policy, or None; the sentence does not show what may be secret in it."""
    if "://" not in location:
        return None
    url = urlsplit(location)
    if "@" in url.netloc:
        return f"{shown(location)}: a URL with a password would be stored with every output; take it out"
    other = [
        name for name, _ in parse_qsl(url.query, keep_blank_values=True) if name.lower() not in _PLAIN_QUERY
    ]
    if other or (url.query and not parse_qsl(url.query)) or url.fragment:
        return (
            f"{shown(location)}: a token in a URL would be stored with every output; publish the "
            "file where none is needed, or fetch it before the run and name the path"
        )
    return None


def shown(location: str) -> str:
    """A location as it may be printed: a URL without name, password, query and fragment."""
    if "://" not in location:
        return location
    url = urlsplit(location)
    return url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()


def read_entries(location: str, session: Any, key: str) -> list[tuple[dict[str, Any], str]]:
    """The mappings listed under `key`, the one key of the file at `location`, each with file and line.

    Raises ExemptionError, with the remedy, on anything that cannot be taken.
    """
    return _entries(fetch(location, session), shown(location), key)


def fetch(location: str, session: Any) -> str:
    """The text at a path or URL, bounded; raises ExemptionError."""
    if problem := location_problem(location):
        raise ExemptionError(problem)
    scheme = urlsplit(location).scheme if "://" in location else "path"
    read = {"path": _read_path, "s3": _read_s3, "gs": _read_gs, "https": _read_https}.get(scheme)
    if read is None:
        problem = "exemptions come from a path or an s3://, gs:// or https:// URL"
        raise ExemptionError(f"{shown(location)}: {problem}")
    content = read(location, session)
    if len(content) > SIZE_LIMIT:
        raise ExemptionError(f"{shown(location)}: larger than {SIZE_LIMIT} bytes; split or shorten the file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ExemptionError(f"{shown(location)}: not UTF-8 text; save the file as UTF-8") from error


def _read_path(location: str, session: Any) -> bytes:
    try:
        with Path(location).open("rb") as stream:
            return stream.read(SIZE_LIMIT + 1)
    except OSError as error:
        problem = f"{location}: cannot be read ({error.strerror})"
        raise ExemptionError(f"{problem}; create it, or write `exemptions: none`") from error


def _read_s3(location: str, session: Any) -> bytes:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    url = urlsplit(location)
    # The policy's own AWS session where there is one; other clouds' policies use boto3's default log-in.
    aws = session if isinstance(session, boto3.Session) else boto3.Session()
    try:
        body = aws.client("s3").get_object(Bucket=url.netloc, Key=url.path.lstrip("/"))["Body"]
        with body:
            content: bytes = body.read(SIZE_LIMIT + 1)
            body.read(1)  # at the end botocore checks the length: half a list protects half of the people
    except (BotoCoreError, ClientError) as error:
        raise ExemptionError(
            f"{location}: cannot be read ({error}); check the URL and s3:GetObject"
        ) from error
    return content


def _read_gs(location: str, session: Any) -> bytes:
    try:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import storage
    except ImportError as error:
        problem = f"{location}: gs:// needs {error.name}, which is not installed"
        raise ExemptionError(f"{problem}; pip install 'c7n-unused[gcp]'") from error

    url = urlsplit(location)
    try:
        blob = storage.Client().bucket(url.netloc).blob(url.path.lstrip("/"))
        with blob.open("rb") as stream:
            content: bytes = stream.read(SIZE_LIMIT + 1)
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise ExemptionError(
            f"{location}: cannot be read ({error}); check the URL and storage.objects.get"
        ) from error
    return content


class _SameHost(HTTPRedirectHandler):
    """Follows a redirect only over https, and only on the host that the policy names."""

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        if after.scheme != "https" or after.hostname != before.hostname:
            why = "not https" if after.scheme != "https" else "another host"
            raise ExemptionError(
                f"{shown(req.full_url)}: redirects to {shown(newurl)}, which is {why}; use the final URL"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _https() -> OpenerDirector:
    """An opener that knows no other scheme."""
    opener = OpenerDirector()
    for handler in (ProxyHandler, HTTPSHandler, HTTPDefaultErrorHandler, _SameHost, HTTPErrorProcessor):
        opener.add_handler(handler())
    return opener


def _read_https(location: str, session: Any) -> bytes:
    where = shown(location)
    try:
        with _https().open(location, timeout=_TIMEOUT) as response:
            length = int(response.headers.get("Content-Length", 0))
            content: bytes = response.read(SIZE_LIMIT + 1)
    except ExemptionError:
        raise
    except (OSError, HTTPException, ValueError) as error:
        raise ExemptionError(f"{where}: cannot be read ({error}); check the URL") from error
    if len(content) < min(length, SIZE_LIMIT + 1):
        # http.client says nothing of it, and half a list protects half of the people.
        raise ExemptionError(f"{where}: broke off after {len(content)} of {length} bytes; try again")
    return content


def _entries(text: str, location: str, key: str) -> list[tuple[dict[str, Any], str]]:
    try:
        import yaml
    except ModuleNotFoundError:
        return _json_entries(text, location, key)
    try:
        loader = _texts(yaml)(text)
        root: Any = loader.get_single_node()
        data = loader.construct_document(root) if root else None
    except (yaml.YAMLError, ValueError) as error:
        why = getattr(error, "problem", None) if isinstance(error, yaml.composer.ComposerError) else None
        why = why if why in {_ALIAS, _NESTED} else "not valid YAML; check the indent"
        raise ExemptionError(f"{location}, {_place(error, text)}: {why}") from error
    items = _list(data, location, key)
    _refuse_doubled([name.value for name, _ in root.value], location)
    nodes = root.value[0][1].value
    places = [f"{location}, line {node.start_mark.line + 1}" for node in nodes]
    return [(_mapping(*found), found[1]) for found in zip(items, places, nodes, strict=True)]


_ALIAS = "an alias; write the entry out, aliases are not read"
_NESTED = "nested too deep; an entry is a flat mapping"


def _texts(yaml: Any) -> Any:
    """A loader that leaves every scalar but null as its own text, and reads no aliases and no deep nesting.

    So 012345678901 keeps its zero, the error for a date that does not exist names its line, and ten lines of
    aliases do not unfold to millions of entries.
    """

    class Texts(yaml.SafeLoader):
        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()
            known = not isinstance(event, yaml.AliasEvent) or event.anchor in self.anchors
            if (isinstance(event, yaml.AliasEvent) and known) or self.depth > _DEEPEST:
                problem = _NESTED if self.depth > _DEEPEST else _ALIAS
                raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    resolvers = yaml.SafeLoader.yaml_implicit_resolvers.items()
    Texts.yaml_implicit_resolvers = {
        c: [r for r in found if r[0].endswith(":null")] for c, found in resolvers
    }
    return Texts


def _place(error: Any, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
    return f"line {line + 1}"


def _json_entries(text: str, location: str, key: str) -> list[tuple[dict[str, Any], str]]:
    try:
        data = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, location))
    except json.JSONDecodeError as error:
        raise ExemptionError(
            f"{location}: not JSON ({error}); PyYAML is not in this Lambda archive: publish the file as JSON "
            "or add yaml to the policy's `mode: packages`"
        ) from error
    except RecursionError as error:
        raise ExemptionError(f"{location}: {_NESTED}") from error
    items = _list(data, location, key)
    places = (f"{location}, entry {number}" for number in range(1, len(items) + 1))
    return [(_mapping(item, place), place) for item, place in zip(items, places, strict=True)]


def _unique(pairs: list[tuple[str, Any]], location: str) -> dict[str, Any]:
    """A JSON object; json itself would take the last of two values in silence."""
    _refuse_doubled([key for key, _ in pairs], location)
    return dict(pairs)


def _list(data: Any, location: str, key: str) -> list[Any]:
    items = data.get(key) if isinstance(data, dict) and set(data) == {key} else None
    if not isinstance(items, list):
        raise ExemptionError(
            f"{location}: must hold one key, `{key}:`, with a list; write `{key}: []` for none"
        )
    return items


def _mapping(item: Any, where: str, node: Any = None) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ExemptionError(f"{where}: an exemption is a mapping with provider, account, user, ...")
    if node is not None:
        _refuse_doubled([key.value for key, _ in node.value], where)
    return item


def _refuse_doubled(keys: list[Any], where: str) -> None:
    doubled = next((key for key in keys if keys.count(key) > 1), None)
    if doubled:
        raise ExemptionError(f"{where}: {doubled!r} is there twice; remove one")
