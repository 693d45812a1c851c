"""`c7n-unused init`: a folder to start from, with policies, exemptions and the scheduled workflow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution
from pathlib import Path

import click

from custom_filters.core.errors import InputError
from custom_filters.core.vocabulary import PROVIDERS
from custom_filters.runner.options import words
from custom_filters.runner.run.policy_files import installed, shipped_folder

_WORKFLOW = ".github/workflows/unused.yml"
#: What the workflow installs, until somebody writes it there.
_WHEEL = "${{ vars.C7N_UNUSED_WHEEL }}"
_ENTRIES = "exemptions:"


@click.command()
@words("-p", "--provider", "providers", allowed=PROVIDERS, metavar="NAMES",
              help="aws,azure,gcp; default: all that are installed.")  # fmt: skip
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def init(providers: tuple[str, ...], folder: Path) -> None:
    """Write policies and a workflow to start from.

    To DIR: policies/, exemptions.yml, constraints.txt (what the workflow installs) and the workflow itself.
    Never overwrites a file: exit code 2 names the first one that is there.
    """
    chosen = providers or [name for name in PROVIDERS if installed(name)]
    wheel = installed_wheel()
    files = dict(_files(chosen, wheel))
    _refuse_existing(folder / name for name in files)
    for name, text in files.items():
        _write(folder / name, text)
        click.echo(folder / name)
    click.echo(
        f"Next, in {folder}: c7n-unused run policies/*/*report.yml   (findings only: nothing is changed)"
    )
    if wheel is None:
        click.echo(f"{_WORKFLOW} installs the wheel that the repository variable C7N_UNUSED_WHEEL names.")


def installed_wheel() -> str | None:
    """The https address and hash of the wheel that this command was installed from, where pip kept both."""
    record = json.loads(distribution("c7n-unused").read_text("direct_url.json") or "{}")
    url, archive = record.get("url", ""), record.get("archive_info", {})
    digest = archive.get("hashes", {}).get("sha256")
    return f"{url}#sha256={digest}" if digest and url.startswith("https://") else None


def _files(providers: Sequence[str], wheel: str | None) -> Iterator[tuple[str, str]]:
    """Each file's path below DIR, and its text."""
    policies = shipped_folder()
    yield "exemptions.yml", commented((policies / "exemptions.example.yml").read_text(encoding="utf-8"))
    for provider in providers:
        for path in sorted((policies / provider).rglob("*.yml")):
            yield f"policies/{path.relative_to(policies).as_posix()}", path.read_text(encoding="utf-8")
    yield "constraints.txt", _start("constraints.txt", "constraints.txt")
    yield _WORKFLOW, _start("unused.yml", _WORKFLOW).replace(_WHEEL, wheel or _WHEEL)


def commented(example: str) -> str:
    """The example of an exemptions file, without exemptions: its entries are comments."""
    head, _, entries = example.partition(f"{_ENTRIES}\n")
    comments = "".join(f"#{line}\n" for line in entries.splitlines())
    return f"{head}{_ENTRIES} []  # without [] once there is an entry\n{comments}"


def _start(name: str, in_checkout: str) -> str:
    """A file that the wheel carries in `custom_filters/start/`."""
    package = Path(__file__).parents[1]
    packaged = package / "start" / name
    found = packaged if packaged.is_file() else package.parent / in_checkout
    return found.read_text(encoding="utf-8")


def _refuse_existing(paths: Iterator[Path]) -> None:
    for path in paths:
        if path.exists() or path.is_symlink():
            raise InputError(
                f"{path} is there, and init overwrites nothing: move it away, or name another DIR."
            )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}.") from error
