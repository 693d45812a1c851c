from __future__ import annotations

import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
import trustme
from c7n.exceptions import PolicyExecutionError

from custom_filters.custodian.exemptions import SIZE_LIMIT, load_exemptions, read_exemptions
from tests.aws.runs import client, embedded

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
# Who is left alone.
exemptions:
  - provider: aws
    account: 012345678901
    user: break-glass-*
    reason: sealed
    approved_by: ciso@example.com
    expires: 2027-06-30
  - {provider: gcp, account: "*", user: a@b.example, reason: r, approved_by: x, expires: 2027-06-30T00:00:00Z}
"""
ENTRY = {"provider": "aws", "account": "1", "user": "u", "reason": "r", "approved_by": "a"}


def entries(**changes: str | None) -> str:
    """A file with a good entry in line 2 and a changed one in line 3; None leaves a key out."""
    good = {**ENTRY, "expires": "2027-01-01"}
    changed = {key: value for key, value in {**good, **changes}.items() if value is not None}
    lines = (", ".join(f"{key}: {value}" for key, value in entry.items()) for entry in (good, changed))
    return "exemptions:\n" + "".join(f"- {{{line}}}\n" for line in lines)


def refused(says: str) -> Any:
    return pytest.raises(PolicyExecutionError, match=says)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str | bytes], str]:
    def write(text: str | bytes) -> str:
        path = tmp_path / "exemptions.yml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_a_file_is_read(file: Callable[[str], str]) -> None:
    first, second = read_exemptions(file(GOOD))
    assert (first.account, first.user) == ("012345678901", "break-glass-*")
    assert first.expires == datetime(2027, 7, 1, tzinfo=timezone.utc)
    assert (second.provider, second.expires) == ("gcp", datetime(2027, 6, 30, tzinfo=timezone.utc))


@pytest.mark.parametrize("yaml", [True, False])
def test_somebody_may_be_absent(
    monkeypatch: pytest.MonkeyPatch, file: Callable[[str], str], yaml: bool
) -> None:
    entry = json.dumps({**ENTRY, "expires": "2027-01-01", "may-be-absent": True})
    if not yaml:
        monkeypatch.setitem(sys.modules, "yaml", None)
    (found,) = read_exemptions(file(f'{{"exemptions": [{entry}]}}'))
    assert found.may_be_absent


def test_the_shipped_example_is_good() -> None:
    assert {e.provider for e in read_exemptions(str(ROOT / "policies/exemptions.example.yml"))} == {
        "aws",
        "azure",
        "gcp",
    }


@pytest.mark.parametrize("text", ["exemptions: []", '{"exemptions": []}'])
def test_an_empty_list_is_read(file: Callable[[str], str], text: str) -> None:
    assert read_exemptions(file(text)) == ()


REFUSED = {
    # The text, the line that is named, and what is said.
    "nothing": ("", "", "must hold one key, `exemptions:`"),
    "a list": ("- a", "", "write `exemptions: []` for none"),
    "no list": ("exemptions: none", "", "must hold one key"),
    "nothing behind the key": ("exemptions:", "", "must hold one key"),
    "another key": (entries() + "version: 1", "", "must hold one key"),
    "a wrong indent": ("exemptions:\n  - provider: aws\n   user: x", ", line 3: ", "check the indent"),
    "a tab": ("exemptions:\n\t- provider: aws", ", line 2: ", "not valid YAML"),
    "two documents": ("exemptions: []\n---\nexemptions: []", ", line 2: ", "not valid YAML"),
    "an alias of nothing": ("exemptions: [*a]", ", line 1: ", "not valid YAML"),
    "a control character": ("exemptions:\n- \x07", ", line 2: ", "not valid YAML"),
    "not UTF-8": (b"exemptions: [\xff]", "", "save the file as UTF-8"),
    "a name alone": ("exemptions:\n- just-a-name", ", line 2: ", "an exemption is a mapping"),
    "a tag of Python": ("exemptions: [!!python/object/apply:os.getcwd []]", ", line 1: ", "not valid YAML"),
    "no reason": (entries(reason=None), ", line 3: ", "'reason' is missing"),
    "an empty reason": (entries(reason=""), ", line 3: ", "'reason' is missing"),
    "null for a reason": (entries(reason="null"), ", line 3: ", "'reason' is missing"),
    "a tilde for a reason": (entries(reason="~"), ", line 3: ", "'reason' is missing"),
    "no expiry": (entries(expires=None), ", line 3: ", "'expires' is missing"),
    "a date that does not exist": (entries(expires="2027-02-30"), ", line 3: ", "such as 2027-01-31"),
    "a key twice": (entries(user="u, user: v"), ", line 3: ", "'user' is there twice; remove one"),
    "the list twice": (entries() + "exemptions: []", "", "'exemptions' is there twice"),
    "an unknown key": (entries(user="u, owner: x"), ", line 3: ", "unknown key 'owner'"),
    "aliases that unfold": (
        "exemptions: [&a [x], &b [*a, *a], [*b, *b]]",
        ", line 1: ",
        "aliases are not read",
    ),
    "an alias of its own": ("exemptions: &a [*a]", ", line 1: ", "aliases are not read"),
    "nested too deep": ("exemptions: " + "[" * 500_000, ", line 1: ", "nested too deep"),
    "400 days and more": (entries(expires="2099-01-01"), ", line 3: ", "more than 400 days ahead"),
    "absent perhaps": (entries(**{"may-be-absent": "perhaps"}), ", line 3: ", "not true or false"),
    "everybody": (entries(user="'*'"), ", line 3: ", "which is everybody"),
    "everybody, in other signs": (entries(user="'?*[!x]'"), ", line 3: ", "which is everybody"),
    "a merge": (entries(user="u, <<: {user: v}"), ", line 3: ", "unknown key '<<'"),
}


@pytest.mark.parametrize(("text", "line", "says"), REFUSED.values(), ids=REFUSED)
def test_a_malformed_file_stops_the_run(
    file: Callable[[str | bytes], str], text: str | bytes, line: str, says: str
) -> None:
    with pytest.raises(PolicyExecutionError) as caught:
        read_exemptions(file(text))
    message = str(caught.value)
    assert message.startswith(str(file(text)))
    assert line in message
    assert says in message
    assert "\n" not in message


def test_the_limit_is_a_megabyte(file: Callable[[str], str]) -> None:
    text = "exemptions: []\n#"
    assert read_exemptions(file(text + "x" * (SIZE_LIMIT - len(text)))) == ()
    with refused("larger than 1048576 bytes"):
        read_exemptions(file(text + "x" * (SIZE_LIMIT - len(text) + 1)))


@pytest.mark.parametrize(
    "url", ["http://x.example/e.yml", "ftp://x.example/e", "file:///etc/e", "azure://x/y"]
)
def test_other_schemes_are_refused(url: str) -> None:
    with refused("path or an s3://, gs:// or https:// URL"):
        read_exemptions(url)


@pytest.mark.parametrize(("name", "problem"), [("gone.yml", "No such file"), (".", "Is a directory")])
def test_a_path_that_cannot_be_read(tmp_path: Path, name: str, problem: str) -> None:
    with refused(rf"{problem}.*create it, or write `exemptions: none`"):
        read_exemptions(str(tmp_path / name))


@pytest.mark.parametrize("location", [None, "none"])
def test_none_is_written_out(location: str | None) -> None:
    assert load_exemptions(location, boto3.Session) == ()


def test_without_pyyaml_json_is_read_and_yaml_is_refused_with_the_remedy(file: Callable[[str], str]) -> None:
    """As in a Lambda archive."""
    script = (
        "import sys; sys.modules['yaml'] = None\n"
        "from custom_filters.custodian.exemptions import read_exemptions\n"
        "print(len(read_exemptions(sys.argv[1])))"
    )

    def child(text: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script, file(text)], capture_output=True, text=True, cwd=ROOT, check=False
        )
        return (done.stdout + done.stderr).strip().splitlines()[-1]

    entry = '{"provider": "aws", "account": "1", "user": "u", "reason": "r", "approved_by": "a", "expires": '
    assert child(f'{{"exemptions": [{entry}"2027-01-01"}}]}}') == "1"
    assert "entry 1: 'expires' is 'soon'" in child(f'{{"exemptions": [{entry}"soon"}}]}}')
    assert "is there twice" in child(f'{{"exemptions": [{entry}"2027-01-01", "user": "v"}}]}}')
    assert "publish the file as JSON" in child(GOOD)


class Site(http.server.BaseHTTPRequestHandler):
    """Serves the exemptions; redirects, breaks off, or has nothing, where the path says so."""

    elsewhere = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].rpartition("/")[2]
        self.send_response({"moved": 302, "gone.yml": 404}.get(path, 200))
        if path == "moved":
            self.send_header("Location", self.elsewhere)
        self.send_header("Content-Length", str(len(GOOD) + (9 if path == "short" else 0)))
        self.end_headers()
        self.wfile.write(GOOD.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@contextmanager
def served(authority: trustme.CA | None = None, elsewhere: str = "") -> Iterator[str]:
    """The URL of a server; with an authority it speaks TLS."""
    handler = type("Leading", (Site,), {"elsewhere": elsewhere})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("localhost").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"{'https' if authority else 'http'}://localhost:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """One that this process trusts, with no proxy on the way."""
    for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def test_https_is_read(authority: trustme.CA) -> None:
    with served(authority) as site, served(authority, f"{site}/good") as other:
        assert len(read_exemptions(f"{site}/good?version=3")) == 2
        assert len(read_exemptions(f"{other}/moved")) == 2


@pytest.mark.parametrize(("path", "says"), [("gone.yml", "404"), ("short", "broke off after")])
def test_https_that_fails(authority: trustme.CA, path: str, says: str) -> None:
    with served(authority) as site, refused(f"{site}/{path}: .*{says}"):
        read_exemptions(f"{site}/{path}")


def test_https_that_leads_to_http_is_refused(authority: trustme.CA) -> None:
    says = "redirects to http://localhost:.* is not https; use the final URL"
    with served() as plain, served(authority, f"{plain}/good") as site, refused(says):
        read_exemptions(f"{site}/moved")


def test_https_that_leads_to_http_and_back_is_refused(authority: trustme.CA) -> None:
    """Whoever sits on the one hop without TLS could answer it himself."""
    with (
        served(authority) as site,
        served(elsewhere=f"{site}/good") as plain,
        served(authority, f"{plain}/moved") as first,
        refused("is not https"),
    ):
        read_exemptions(f"{first}/moved")


def test_https_that_leads_to_another_host_is_refused(authority: trustme.CA) -> None:
    with (
        served(authority) as site,
        served(authority, site.replace("localhost", "127.0.0.1") + "/good") as first,
        refused("is another host; use the final URL"),
    ):
        read_exemptions(f"{first}/moved")


SECRETS = {
    "a password": "https://user:hunter2@x.example/e.yml",
    "a signature": "https://x.example/e.yml?version=1&sig=hunter2",
    "a key of S3": "https://x.example/e.yml?X-Amz-Signature=hunter2",
    "a query without names": "https://x.example/e.yml?hunter2",
    "a fragment": "https://x.example/e.yml#hunter2",
}


@pytest.mark.parametrize("url", SECRETS.values(), ids=SECRETS)
def test_a_secret_in_a_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(PolicyExecutionError, match="would be stored with every output") as caught:
        read_exemptions(url)
    assert "hunter2" not in str(caught.value)
    assert "https://x.example/e.yml" in str(caught.value)


def test_json_that_is_nested_too_deep_is_refused(monkeypatch: pytest.MonkeyPatch, file: Any) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with refused("nested too deep"):
        read_exemptions(file("[" * 500_000))


def test_a_server_that_nobody_vouches_for_is_refused(authority: trustme.CA) -> None:
    with served(trustme.CA()) as site, refused("CERTIFICATE_VERIFY_FAILED"):
        read_exemptions(f"{site}/good")


def test_gs_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with served() as site:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", site)
        assert len(read_exemptions("gs://bucket/folder/exemptions.yml")) == 2
        with refused(r"404.*check the URL and storage.objects.get"):
            read_exemptions("gs://bucket/gone.yml")


def test_gs_without_googles_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud", None)
    with refused(r"pip install 'c7n-unused\[gcp\]'"):
        read_exemptions("gs://bucket/exemptions.yml")


def test_s3_is_read_with_the_policys_own_session(monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded() as sandbox:
        s3 = client(sandbox, "s3")
        s3.create_bucket(Bucket="exemptions")
        s3.put_object(Bucket="exemptions", Key="folder/e.yml", Body=GOOD.encode())
        values = sandbox.aws.environment
        monkeypatch.setenv("AWS_ENDPOINT_URL", values["AWS_ENDPOINT_URL"])
        session = boto3.Session(
            values["AWS_ACCESS_KEY_ID"],
            values["AWS_SECRET_ACCESS_KEY"],
            values["AWS_SESSION_TOKEN"],
            region_name="us-east-1",
        )
        assert len(read_exemptions("s3://exemptions/folder/e.yml", session)) == 2
        with refused(r"NoSuchKey.*check the URL and s3:GetObject"):
            read_exemptions("s3://exemptions/gone.yml", session)
        sandbox.faults["deny"] = "GetObject"
        with refused("AccessDenied"):
            read_exemptions("s3://exemptions/folder/e.yml", session)
