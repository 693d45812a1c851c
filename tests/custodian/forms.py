"""How each kind keeps notes: written by the kind itself, into what its cloud holds, and read back from there.

No network: the few calls that write notes are answered here, as the clouds answer them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

from custom_filters.aws import users
from custom_filters.aws.iam_role import IamRole
from custom_filters.aws.iam_user import IamUser
from custom_filters.azure import directory_user as entra
from custom_filters.azure.notes import properties_for
from custom_filters.core.credential import Identity
from custom_filters.core.notes import Item
from custom_filters.core.notes_writing import Place
from custom_filters.core.vocabulary import STOCK_TAG, TAG
from custom_filters.custodian.kind import Kind
from custom_filters.custodian.selected import NotesChange, Selected
from custom_filters.gcp import directory_user as workspace
from custom_filters.gcp.accounts import PARENT
from custom_filters.gcp.principals import ITEM
from custom_filters.gcp.schema import notes_of
from custom_filters.gcp.service_account import ServiceAccount
from custom_filters.gcp.service_account_key import ServiceAccountKey

APP = "0f1e2d3c-4b5a-4968-8776-655443322110"
SIGN_IN, PASSWORD = Item("sign-in", "sign-in"), Item("password", "password")
KEYS = tuple(Item("service-account-key", letter * 40) for letter in "ab")


class Form:
    """A kind with one identity of its cloud: `items` are its credentials, `me` is the principal."""

    made: type[Kind]
    resource: dict[str, Any]
    me: str
    items: tuple[Item, ...]
    #: Credentials of the principal that are resources of their own.
    others: tuple[Item, ...] = ()

    def __init__(self) -> None:
        self.resource = deepcopy(self.resource)
        self.kind: Any = object.__new__(self.made)
        self.kind.written = {}
        self.kind.request = SimpleNamespace(tag=TAG)
        self.connect()

    def connect(self) -> None:
        """Give the kind its clients: this object."""

    def texts(self) -> dict[str, str]:
        """The notes, as the kind reads them."""
        return dict(self.kind.notes(self.resource))

    @property
    def _read(self) -> Selected:
        return Selected(self.resource, Identity("", "", self.me, self.me, ()), self.texts())

    def place(self) -> Place:
        """The room for notes."""
        found: Place = self.kind.place(self._read)
        return found

    def write(self, texts: Mapping[str, str | None]) -> None:
        """Have the kind write notes. Raises what the kind reports."""
        (written,) = self.kind.write([NotesChange(self._read, texts)])
        if written.error:
            raise written.error


class Tagged(Form):
    """AWS: tags, whose names IAM compares without case."""

    resource = {"Tags": [{"Key": "Team", "Value": "data"}]}  # noqa: RUF012
    me = "AIDA1"

    def connect(self) -> None:
        self.kind.iam = self

    def tag_user(self, *, Tags: list[dict[str, str]], **whose: str) -> None:  # noqa: N803
        kept = {tag["Key"].lower(): tag for tag in self.resource["Tags"]}
        for tag in Tags:
            name = kept.get(tag["Key"].lower(), tag)["Key"]
            kept[name.lower()] = {"Key": name, "Value": tag["Value"]}
        assert all(len(tag["Value"]) <= 256 for tag in Tags)
        self.resource["Tags"] = list(kept.values())

    tag_role = tag_user

    def texts(self) -> dict[str, str]:
        return users.tags_of(self.resource)


class User(Tagged):
    made, items = IamUser, (Item("access-key", "AKIA1"), PASSWORD)


class Role(Tagged):
    made, items = IamRole, (Item("role", "role"),)


class Entra(Form):
    """Graph: extension properties, in a batch of one PATCH."""

    made, items, me = entra.DirectoryUser, (SIGN_IN,), "9d2f4c1e-0000-4000-8000-000000000001"
    resource = {"id": me, "userPrincipalName": "amelia@example.com"}  # noqa: RUF012

    def connect(self) -> None:
        limits = SimpleNamespace(others=None)  # nothing is refused
        self.kind.graph = SimpleNamespace(endpoint="", request=self.request, limits=limits)
        self.kind.properties = properties_for(APP, [TAG, STOCK_TAG])

    def request(self, method: str, url: str, body: Any, turn: Any) -> Any:
        (step,) = body["requests"]
        names = set(map(self.kind.properties.of, self.kind.properties.names))
        assert step["body"].keys() <= names
        assert all(len(v or "") <= 256 for v in step["body"].values())
        self.resource = {k: v for k, v in {**self.resource, **step["body"]}.items() if v is not None}
        return {"responses": [{"id": step["id"], "status": 204}]}


class Workspace(Form):
    """Directory: fields of a custom schema; one that a patch does not name stays, null removes one."""

    made, items, me = workspace.DirectoryUser, (SIGN_IN,), "117700000000000000001"
    resource = {"id": me, "primaryEmail": "amelia@example.com"}  # noqa: RUF012

    def connect(self) -> None:
        self.kind._writer = self

    def call(self, verb: str, *, userKey: str, body: dict[str, Any]) -> None:  # noqa: N803
        ((schema, fields),) = body["customSchemas"].items()
        kept = {**self.resource.get("customSchemas", {}).get(schema, {}), **fields}
        assert all(len(value or "") <= 500 for value in kept.values())
        self.resource["customSchemas"] = {schema: {k: v for k, v in kept.items() if v is not None}}

    def texts(self) -> dict[str, str]:
        return notes_of(self.resource)


class Account(Form):
    """IAM: the end of the account's description, beside what its owner wrote."""

    made, items, me = ServiceAccount, (ITEM,), "115500000000000000001"
    resource = {"name": "a", "uniqueId": me, "description": "Nightly invoices"}  # noqa: RUF012

    @property
    def account(self) -> dict[str, Any]:
        found: dict[str, Any] = self.resource.get(PARENT, self.resource)
        return found

    def connect(self) -> None:
        self.kind.accounts = self

    def call(self, verb: str, *, name: str, body: Any = None) -> Any:
        if verb == "patch":
            self.account["description"] = body["serviceAccount"]["description"]
            assert len(self.account["description"].encode()) <= 256
            assert self.account["description"].startswith("Nightly invoices")
        return dict(self.account)


class Key(Account):
    """The same description; another key of the account has an entry there, which stays."""

    made, items, others = ServiceAccountKey, KEYS[:1], KEYS[1:]
    resource = {"name": f"k/{KEYS[0].id}", PARENT: Account.resource}  # noqa: RUF012

    def connect(self) -> None:
        super().connect()
        self.kind._listed = {}
        self.resource[PARENT]["email"] = "amelia@example.com"
        self.kind._listed["amelia@example.com"] = frozenset(key.id for key in KEYS)


FORMS: tuple[type[Form], ...] = (User, Role, Entra, Workspace, Account, Key)


class Kept(dict[str, str]):
    """The texts that a form keeps, as a mapping that is written to by `update`."""

    def __init__(self, form: Form) -> None:
        super().__init__(form.texts())
        self.form = form

    def update(self, changes: Mapping[str, str] = {}, **more: str) -> None:  # type: ignore[override]
        self.form.write({**changes, **more})
        self.clear()
        super().update(self.form.texts())


@contextmanager
def losing(form: type[Form], name: str) -> Iterator[None]:
    """Have the form's reader lose a note."""
    whole = form.texts
    form.texts = lambda self: {n: t for n, t in whole(self).items() if n != name}  # type: ignore[method-assign]
    try:
        yield
    finally:
        form.texts = whole  # type: ignore[method-assign]
