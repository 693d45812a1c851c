"""Policy files: the shipped ones and given ones, read, checked, and sorted by provider."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import yaml

from custom_filters.core.errors import InputError
from custom_filters.core.vocabulary import PROVIDERS

_MODULES = {"aws": "c7n", "azure": "c7n_azure", "gcp": "c7n_gcp"}


@dataclass(frozen=True)
class Policy:
    """One policy: `resource` carries its provider (`aws.iam-user`), `data` is as written in the file."""

    provider: str
    name: str
    resource: str
    data: Mapping[str, Any]

    @property
    def tags(self) -> frozenset[str]:
        """What `--tag` chooses by."""
        return frozenset(self.data.get("tags") or ())


@dataclass(frozen=True)
class PolicyFile:
    """A policy file; `extra` is what stands beside `policies:` at its top.

    `changed` says that `policies` is no longer what the file holds.
    """

    path: Path
    policies: tuple[Policy, ...]
    extra: Mapping[str, Any]
    changed: bool = False


def installed(provider: str) -> bool:
    """Whether Custodian's package for the provider is there."""
    return find_spec(_MODULES[provider]) is not None


def need_installed(providers: Iterable[str]) -> None:
    """Raise InputError when a provider's package is missing."""
    for provider in providers:
        if not installed(provider):
            raise InputError(
                f"{provider} needs {_MODULES[provider]}, which is not installed here: "
                f"pip install 'c7n-unused[{provider}]'."
            )


def shipped(
    kind: Literal["report", "enforce"], providers: Sequence[str], *, every: bool = True
) -> list[PolicyFile]:
    """The policies that come with c7n-unused, of the named providers or of all that are installed.

    Without `every` those about roles, which need more rights, are left out. Raises InputError when a named
    provider's package is missing.
    """
    need_installed(providers)
    chosen = providers or [provider for provider in PROVIDERS if installed(provider)]
    folders = [shipped_folder() / provider for provider in chosen]
    more = (path for at in folders for path in sorted(at.glob(f"*-{kind}.yml")) if every)
    files = [*(at / f"{kind}.yml" for at in folders), *more]
    return [read(path) for path in files if providers or path.is_file()]


def shipped_folder() -> Path:
    """Where the shipped policies are: in the installed package, or in the checkout."""
    package = Path(str(resources.files("custom_filters")))
    packaged = package / "policies"
    return packaged if packaged.is_dir() else package.parent / "policies"


def choose(files: Sequence[PolicyFile], names: Sequence[str], tags: Sequence[str]) -> list[PolicyFile]:
    """The policies of these names, and those with one of these tags; all without any.

    Raises InputError on a name or a tag that no policy has.
    """
    policies = [policy for file in files for policy in file.policies]
    for option, asked, known in (
        ("--policy", names, {policy.name for policy in policies}),
        ("--tag", tags, {tag for policy in policies for tag in policy.tags}),
    ):
        unknown = next((word for word in asked if word not in known), None)
        if unknown is not None:
            raise InputError(
                f"{option} {unknown}: no policy has it; there are: {', '.join(sorted(known)) or 'none'}."
            )
    if not names and not tags:
        return list(files)
    kept = [_keep(file, lambda p: p.name in names or not p.tags.isdisjoint(tags)) for file in files]
    return [file for file in kept if file.policies]


def given(paths: Iterable[Path], providers: Sequence[str]) -> list[PolicyFile]:
    """The policies in given files, of the named providers only when there are any; raises InputError."""
    files = [read(path) for path in paths]
    if providers:
        files = [_keep(file, lambda policy: policy.provider in providers) for file in files]
    kept = [file for file in files if file.policies]
    if not kept:
        raise InputError(f"no given policy is for {', '.join(providers or PROVIDERS)}.")
    need_installed(sorted({policy.provider for file in kept for policy in file.policies}))
    _refuse_duplicates(policy for file in kept for policy in file.policies)
    return kept


def _keep(file: PolicyFile, wanted: Callable[[Policy], bool]) -> PolicyFile:
    kept = tuple(policy for policy in file.policies if wanted(policy))
    return file if kept == file.policies else replace(file, policies=kept, changed=True)


def _refuse_duplicates(policies: Iterable[Policy]) -> None:
    counts = Counter((policy.provider, policy.name) for policy in policies)
    for (_, name), count in counts.items():
        if count > 1:
            raise InputError(f"policy {name} is there {count} times; give each policy a name of its own.")


def read(path: Path) -> PolicyFile:
    """Read one policy file; raises InputError with one sentence that names it."""
    content = _parse(path)
    policies = content.get("policies") if isinstance(content, dict) else None
    if not isinstance(policies, list) or not policies:
        raise InputError(f"{path} holds no policies; a policy file has a list under `policies:`.")
    extra = {key: value for key, value in content.items() if key != "policies"}
    return PolicyFile(path, tuple(_policy(path, data) for data in policies), extra)


def _parse(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder; name the policy files in it.") from error
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not YAML: {' '.join(str(error).split())}.") from error


def _policy(path: Path, data: Any) -> Policy:
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise InputError(f"{path} holds a policy without a name; give it `name:` and `resource:`.")
    name, resource = data["name"], data.get("resource")
    if not isinstance(resource, str):
        raise InputError(f"{path}: policy {name} has no `resource:`.")
    provider = resource.partition(".")[0] if "." in resource else "aws"
    if provider not in PROVIDERS:
        raise InputError(f"{path}: policy {name} is for {provider}, not for one of {', '.join(PROVIDERS)}.")
    return Policy(provider, name, resource, data)
