from __future__ import annotations

from pathlib import Path

from tests.faults import Scene
from tests.stages import STAGES, TAG


def test_a_read_that_lags_and_one_that_does_not(tmp_path: Path) -> None:
    """Somebody restored an account just before: the next run reads that it is off, then that it is on."""
    with Scene(STAGES["service account"], tmp_path) as scene:
        sandbox, name = scene.sandbox, "off-1"
        sandbox.faults.update({"gcp_read_lag": 600, "gcp_list_lag": 600})
        scene.stage.hand(sandbox, "enable", name)
        scene.stage.write(sandbox, name, {f"{TAG}-record": ""})
        reads = []

        def catch_up(cloud: str, action: str, phase: str, is_write: bool) -> None:
            if action == "iam.projects.serviceAccounts.get" and phase == "after":
                reads.append(action)
                if len(reads) == 2:  # of both accounts that are to be restored
                    sandbox.faults.clear()

        sandbox.on_request = catch_up
        code = scene.run("restore")
        assert code == 0, scene.log
        assert all(scene.state["off-1"].on.values())
        assert not scene.state["off-2"].notes.off()
