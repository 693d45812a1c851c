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
from urllib.parse import urlsplit
from urllib.request import urlopen

from c7n.exceptions import PolicyExecutionError
from c7n.utils import local_session

from custom_filters.core.exemption import Exemption, ExemptionError, parse_exemption
from custom_filters.custodian.store import shared

#: Larger files are refused: about 8,000 entries.
SIZE_LIMIT = 1024 * 1024
#: What a policy writes when it has no exemptions, so that nobody forgets them by accident.
NONE = "none"
_TIMEOUT = 30


def load_exemptions(location: str | None, session_factory: Callable[[], Any]) -> tuple[Exemption, ...]:
    """The exemptions at `location`, read once a run; () for None and `none`.

    Raises PolicyExecutionError, with the file, the line and the remedy, on anything that cannot be taken.
    """
    if location is None or location == NONE:
        return ()
    session = local_session(session_factory)
    return shared(session, ("exemptions", location), lambda: read_exemptions(location, session))


def absent_problem(
    entries: Iterable[Exemption], provider: str, account: str, find: Callable[..., Any], now: datetime
) -> str | None:
    """Why nobody of an account is touched: an exemption names somebody who is not there, perhaps misspelt.

    `find` looks for a resource by name and id.
    """
    for entry in entries:
        mine = entry.is_literal and (entry.provider, entry.account.lower()) == (provider, account.lower())
        if not mine or entry.may_be_absent or entry.expired(now):
            continue
        if find(entry.user, None) is None and find(entry.user, entry.user) is None:
            return (
                f"the exemption of {entry.user} in the account {account} matches nobody; correct its "
                "name, or add `may-be-absent: true`"
            )
    return None


def read_exemptions(location: str, session: Any = None) -> tuple[Exemption, ...]:
    """Read and check the file at `location` now; see load_exemptions."""
    try:
        return _parse(fetch(location, session), location)
    except ExemptionError as error:
        raise PolicyExecutionError(str(error)) from error


def fetch(location: str, session: Any) -> str:
    """The text at a path or URL, bounded; raises ExemptionError."""
    scheme = urlsplit(location).scheme if "://" in location else "path"
    readers: dict[str, Callable[[str, Any], bytes]] = {
        "path": _read_path,
        "s3": _read_s3,
        "gs": _read_gs,
        "https": _read_https,
    }
    if scheme not in readers:
        raise ExemptionError(f"{location}: exemptions come from a path or an s3://, gs:// or https:// URL")
    content = readers[scheme](location, session)
    if len(content) > SIZE_LIMIT:
        raise ExemptionError(f"{location}: larger than {SIZE_LIMIT} bytes; split or shorten the file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ExemptionError(f"{location}: not UTF-8 text; save the file as UTF-8") from error


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


def _read_https(location: str, session: Any) -> bytes:
    try:
        with urlopen(location, timeout=_TIMEOUT) as response:  # noqa: S310 (the scheme was checked)
            final, length = response.url, int(response.headers.get("Content-Length", 0))
            content: bytes = response.read(SIZE_LIMIT + 1)
    except (OSError, HTTPException) as error:
        raise ExemptionError(f"{location}: cannot be read ({error}); check the URL") from error
    if len(content) < min(length, SIZE_LIMIT + 1):
        # http.client says nothing of it, and half a list protects half of the people.
        raise ExemptionError(f"{location}: broke off after {len(content)} of {length} bytes; try again")
    if not final.startswith("https://"):
        raise ExemptionError(f"{location}: redirects to {final}, which is not https; use the final URL")
    return content


def _parse(text: str, location: str) -> tuple[Exemption, ...]:
    entries = _entries(text, location)
    return tuple(parse_exemption(entry, where) for entry, where in entries)


def _entries(text: str, location: str) -> list[tuple[dict[str, Any], str]]:
    try:
        import yaml
    except ModuleNotFoundError:
        return _json_entries(text, location)
    try:
        loader = _texts(yaml.SafeLoader)(text)
        root: Any = loader.get_single_node()
        data = loader.construct_document(root) if root else None
    except (yaml.YAMLError, ValueError) as error:
        raise ExemptionError(
            f"{location}, {_place(error, text)}: not valid YAML; check the indent"
        ) from error
    items = _list(data, location)
    _refuse_doubled([key.value for key, _ in root.value], location)
    nodes = root.value[0][1].value
    return [
        (
            _mapping(item, f"{location}, line {n.start_mark.line + 1}", n),
            f"{location}, line {n.start_mark.line + 1}",
        )
        for item, n in zip(items, nodes, strict=True)
    ]


def _texts(safe_loader: Any) -> Any:
    """A loader that leaves every scalar but null as its own text.

    So 012345678901 keeps its zero, and a date that does not exist is told with its line.
    """
    resolvers = safe_loader.yaml_implicit_resolvers.items()
    only_null = {c: [r for r in found if r[0].endswith(":null")] for c, found in resolvers}
    return type("Texts", (safe_loader,), {"yaml_implicit_resolvers": only_null})


def _place(error: Any, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line if mark else text.count("\n", 0, getattr(error, "position", 0))
    return f"line {line + 1}"


def _json_entries(text: str, location: str) -> list[tuple[dict[str, Any], str]]:
    try:
        data = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, location))
    except json.JSONDecodeError as error:
        raise ExemptionError(
            f"{location}: not JSON ({error}); PyYAML is not in this Lambda archive: publish the file as JSON "
            "or add yaml to the policy's `mode: packages`"
        ) from error
    items = _list(data, location)
    return [
        (_mapping(item, f"{location}, entry {n}"), f"{location}, entry {n}")
        for n, item in enumerate(items, 1)
    ]


def _unique(pairs: list[tuple[str, Any]], location: str) -> dict[str, Any]:
    """A JSON object; json itself would take the last of two values in silence."""
    _refuse_doubled([key for key, _ in pairs], location)
    return dict(pairs)


def _list(data: Any, location: str) -> list[Any]:
    items = data.get("exemptions") if isinstance(data, dict) and set(data) == {"exemptions"} else None
    if not isinstance(items, list):
        raise ExemptionError(
            f"{location}: must hold one key, `exemptions:`, with a list; write `exemptions: []` for none"
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
