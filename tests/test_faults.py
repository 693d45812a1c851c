from __future__ import annotations

import pytest

from tests.faults import Story, killed_at, points, stories, undisturbed


@pytest.mark.parametrize("story", stories(), ids=lambda s: f"{s.cloud}-{s.name}")
def test_a_killed_run_converges(story: Story) -> None:
    """A slice of `make faults`: around the first write, alone, and the second, beside another runner."""
    expected, writes = undisturbed(story)
    assert writes > 1
    results = [killed_at(story, expected, n, phase) for n, phase in points(writes, [1])]
    results.append(killed_at(story, expected, 2, "after", runners=2))
    assert [result for result in results if result.problems] == []
