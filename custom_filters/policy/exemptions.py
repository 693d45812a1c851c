"""Reading exemptions files: from a path or an s3://, gs:// or https:// URL, bounded and strict.

The file is YAML (or JSON, which Lambda reads without PyYAML): `exemptions:` with a list of entries, each with
provider, account, user, reason, approved_by and expires.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from c7n.exceptions import PolicyExecutionError
from c7n.utils import local_session

from custom_filters.core.exemption import Exemption, ExemptionError, parse_exemption
from custom_filters.policy.store import shared

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


def read_exemptions(location: str, session: Any = None) -> tuple[Exemption, ...]:
    """Read and check the file at `location` now; see load_exemptions."""
    try:
        return _parse(_fetch(location, session), location)
    except ExemptionError as error:
        raise PolicyExecutionError(str(error)) from error


def _fetch(location: str, session: Any) -> str:
    scheme = urlsplit(location).scheme if "://" in location else "path"
    openers: dict[str, Callable[[str, Any], IO[bytes]]] = {
        "path": _open_path,
        "s3": _open_s3,
        "gs": _open_gs,
        "https": _open_https,
    }
    if scheme not in openers:
        raise ExemptionError(f"{location}: exemptions come from a path or an s3://, gs:// or https:// URL")
    with openers[scheme](location, session) as stream:
        content = stream.read(SIZE_LIMIT + 1)
    if len(content) > SIZE_LIMIT:
        raise ExemptionError(f"{location}: larger than {SIZE_LIMIT} bytes; split or shorten the file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ExemptionError(f"{location}: not UTF-8 text; save the file as UTF-8") from error


def _open_path(location: str, session: Any) -> IO[bytes]:
    try:
        return Path(location).open("rb")
    except OSError as error:
        problem = f"{location}: cannot be read ({error.strerror})"
        raise ExemptionError(f"{problem}; create it, or write `exemptions: none`") from error


def _open_s3(location: str, session: Any) -> IO[bytes]:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    url = urlsplit(location)
    # The policy's own AWS session where there is one; other clouds' policies use boto3's default log-in.
    aws = session if isinstance(session, boto3.Session) else boto3.Session()
    try:
        body: IO[bytes] = aws.client("s3").get_object(Bucket=url.netloc, Key=url.path.lstrip("/"))["Body"]
    except (BotoCoreError, ClientError) as error:
        raise ExemptionError(
            f"{location}: cannot be read ({error}); check the URL and s3:GetObject"
        ) from error
    return body


def _open_gs(location: str, session: Any) -> IO[bytes]:
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud import storage

    url = urlsplit(location)
    try:
        blob = storage.Client().bucket(url.netloc).blob(url.path.lstrip("/"))
        stream: IO[bytes] = blob.open("rb")
    except (GoogleAPIError, GoogleAuthError) as error:
        raise ExemptionError(
            f"{location}: cannot be read ({error}); check the URL and storage.objects.get"
        ) from error
    return stream


def _open_https(location: str, session: Any) -> IO[bytes]:
    try:
        response: IO[bytes] = urlopen(location, timeout=_TIMEOUT)  # noqa: S310 (the scheme was checked)
    except OSError as error:
        raise ExemptionError(f"{location}: cannot be read ({error}); check the URL") from error
    final = getattr(response, "url", location)
    if not final.startswith("https://"):
        response.close()
        raise ExemptionError(f"{location}: redirects to {final}, which is not https; use the final URL")
    return response


def _parse(text: str, location: str) -> tuple[Exemption, ...]:
    entries = _entries(text, location)
    return tuple(parse_exemption(entry, where) for entry, where in entries)


def _entries(text: str, location: str) -> list[tuple[dict[str, Any], str]]:
    try:
        import yaml
    except ModuleNotFoundError:
        return _json_entries(text, location)
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        data = loader.construct_document(node) if node else None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else "a date or number"
        raise ExemptionError(f"{location}: {line} is not valid YAML; mend it or check the indent") from error
    items = _list(data, location)
    nodes = _item_nodes(node)
    return [
        (
            _mapping(item, f"{location}, line {n.start_mark.line + 1}", n),
            f"{location}, line {n.start_mark.line + 1}",
        )
        for item, n in zip(items, nodes, strict=True)
    ]


def _json_entries(text: str, location: str) -> list[tuple[dict[str, Any], str]]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ExemptionError(
            f"{location}: not JSON ({error}); PyYAML is not in this Lambda archive: publish the file as JSON "
            "or add yaml to the policy's `mode: packages`"
        ) from error
    items = _list(data, location)
    return [
        (_mapping(item, f"{location}, entry {n}"), f"{location}, entry {n}")
        for n, item in enumerate(items, 1)
    ]


def _list(data: Any, location: str) -> list[Any]:
    items = data.get("exemptions") if isinstance(data, dict) and set(data) == {"exemptions"} else None
    if not isinstance(items, list):
        raise ExemptionError(
            f"{location}: must hold one key, `exemptions:`, with a list; write `exemptions: []` for none"
        )
    return items


def _item_nodes(root: Any) -> list[Any]:
    return list(root.value[0][1].value)


def _mapping(item: Any, where: str, node: Any = None) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ExemptionError(f"{where}: an exemption is a mapping with provider, account, user, ...")
    keys = [key.value for key, _ in node.value] if node is not None else []
    doubled = next((key for key in keys if keys.count(key) > 1), None)
    if doubled:
        raise ExemptionError(f"{where}: {doubled!r} is there twice; remove one")
    return item
