from __future__ import annotations

import pytest

from tests.faults import Story, killed_at, stories, undisturbed


@pytest.mark.parametrize("story", stories(), ids=lambda s: f"{s.cloud}-{s.name}")
def test_a_killed_run_converges(story: Story) -> None:
    """A slice of `make faults`: after the first write; for disabling, beside another runner too."""
    expected, writes = undisturbed(story)
    assert writes > 1
    kills = [(1, "after", 1)] + [(2, "before", 2)] * (story.name == "disable")
    results = [killed_at(story, expected, write, phase, runners) for write, phase, runners in kills]
    assert [result for result in results if result.problems] == []
