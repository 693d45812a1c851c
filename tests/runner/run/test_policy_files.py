from __future__ import annotations

from pathlib import Path

import pytest

from custom_filters.core.errors import InputError
from custom_filters.runner.run.policy_files import choose, read

ONE = """
policies:
- {name: a, resource: aws.iam-user, tags: [x]}
- {name: b, resource: aws.iam-user, tags: [x, y]}
"""
TWO = "policies: [{name: c, resource: gcp.service-account}]"


@pytest.mark.parametrize(
    ("names", "tags", "chosen"),
    [
        ([], [], ["a", "b", "c"]),
        (["c"], [], ["c"]),
        (["a", "c"], [], ["a", "c"]),
        ([], ["x"], ["a", "b"]),
        ([], ["y"], ["b"]),
        (["a", "b"], ["y"], ["a", "b"]),
    ],
)
def test_policies_are_chosen_by_name_and_by_tag(
    tmp_path: Path, names: list[str], tags: list[str], chosen: list[str]
) -> None:
    for name, text in (("one.yml", ONE), ("two.yml", TWO)):
        (tmp_path / name).write_text(text)
    files = choose([read(tmp_path / "one.yml"), read(tmp_path / "two.yml")], names, tags)
    assert [policy.name for file in files for policy in file.policies] == chosen


@pytest.mark.parametrize(
    ("names", "tags", "said"),
    [
        (["d"], [], "--policy d: no policy has it; there are: a, b."),
        (["a", "d"], [], "--policy d: no policy has it; there are: a, b."),
        ([], ["project"], "--tag project: no policy has it; there are: x, y."),
    ],
)
def test_what_no_policy_has_is_wrong_input(
    tmp_path: Path, names: list[str], tags: list[str], said: str
) -> None:
    (tmp_path / "one.yml").write_text(ONE)
    with pytest.raises(InputError) as error:
        choose([read(tmp_path / "one.yml")], names, tags)
    assert str(error.value) == said
