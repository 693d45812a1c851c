"""What goes wrong between us and AWS never reads as "nobody uses this", and never as nothing at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from custom_filters.sandbox.aws.people import Key, Password, Person, ServiceCredential, SshKey, days
from custom_filters.sandbox.sandbox import Sandbox
from tests.aws.edge_cases import NOW
from tests.aws.runs import VERDICTS, custodian, embedded, judged, policy

ACTIVE = Person("active", password=Password(used=days(1)))
STALE = Person("stale", password=Password(used=days(200)), attached=("ReadOnlyAccess",))
GIT = Person("git", service_credentials=(ServiceCredential(),), ssh_keys=(SshKey(),))
ADVISED = {"evidence": ["last-used", "access-advisor"], "verdicts": VERDICTS}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with embedded() as started:
        started.aws.add(ACTIVE, STALE, GIT)
        yield started


def by_user(out: Path, name: str) -> dict[str, Any]:
    return {user: found["user_verdict"] for user, found in judged(out, name).items()}


def test_without_a_report_nobody_is_judged(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults["report"] = "never"
    done = custodian(sandbox, tmp_path, policy("unused", verdicts=VERDICTS, report_timeout=2))
    assert done.returncode == 2
    assert "no credential report within 2 seconds (state INPROGRESS): nobody was judged" in done.stderr
    assert not (tmp_path / "unused/resources.json").exists()


def test_a_slow_report_is_waited_for(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults["report"] = 1
    done = custodian(sandbox, tmp_path, policy("unused"))
    assert done.returncode == 0
    assert by_user(tmp_path, "unused") == {"stale": "stale"}
    assert "waiting for the credential report (state INPROGRESS)" in done.stderr


def test_a_failure_over_the_output_of_a_good_run_shows_in_the_metadata(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    assert custodian(sandbox, tmp_path, policy("unused")).returncode == 0
    sandbox.faults["deny"] = "GetCredentialReport"
    assert custodian(sandbox, tmp_path, policy("unused")).returncode == 2
    metrics = json.loads((tmp_path / "unused/metadata.json").read_text())["metrics"]
    assert [m["MetricName"] for m in metrics if m["MetricName"] in {"PolicyException", "ResourceCount"}] == [
        "PolicyException"
    ]


NEEDED = [
    "ListUsers",
    "GetAccountAuthorizationDetails",
    "GenerateCredentialReport",
    "GetCredentialReport",
    "ListSSHPublicKeys",
    "ListServiceSpecificCredentials",
    "GenerateServiceLastAccessedDetails",
    "GetServiceLastAccessedDetails",
]


@pytest.mark.parametrize("action", NEEDED)
def test_a_call_that_is_denied_fails_the_policy_and_names_the_call(
    sandbox: Sandbox, tmp_path: Path, action: str
) -> None:
    sandbox.faults["deny"] = action
    done = custodian(sandbox, tmp_path, policy("unused", **ADVISED))
    assert done.returncode == 2
    assert f"not authorized to perform: iam:{action}" in done.stderr
    assert not (tmp_path / "unused/resources.json").exists()


@pytest.mark.parametrize("action", ["ListUsers", "GetAccountAuthorizationDetails"])
def test_a_page_that_never_came_fails_the_policy(tmp_path: Path, action: str) -> None:
    with embedded(faults={"deny": f"{action}@next"}) as sandbox:
        sandbox.aws.add(*(Person(f"user-{n}") for n in range(1001)))
        done = custodian(sandbox, tmp_path, policy("unused"))
    assert done.returncode == 2
    assert not (tmp_path / "unused/resources.json").exists()


def test_20_percent_throttling_changes_nothing(tmp_path: Path) -> None:
    with embedded(users=40, now=NOW) as sandbox:
        wanted = policy("unused", verdicts=VERDICTS, evidence=["last-used"])
        assert custodian(sandbox, tmp_path / "calm", wanted).returncode == 0
        sandbox.faults["throttle"] = 0.2
        sandbox.aws.forget_report()
        assert custodian(sandbox, tmp_path / "throttled", wanted).returncode == 0
    calm, throttled = (findings(tmp_path / name) for name in ("calm", "throttled"))
    assert len(calm) == 40
    assert throttled == calm


def findings(out: Path) -> dict[str, Any]:
    """The annotations without the time at which AWS made its report."""
    found = judged(out, "unused")
    for credential in (c for annotation in found.values() for c in annotation["credentials"]):
        del credential["evidence"]
        if "report" in credential["reason"]:
            del credential["reason"]
    return found


def test_three_policies_fetch_everything_once(sandbox: Sandbox, tmp_path: Path) -> None:
    three = [policy(name, **ADVISED, days=90 + n) for n, name in enumerate(("one", "two", "three"))]
    assert custodian(sandbox, tmp_path, *three).returncode == 0
    once = [
        "ListUsers",
        "GetAccountAuthorizationDetails",
        "GetCredentialReport",
        "ListServiceSpecificCredentials",
    ]
    candidates = ["ListSSHPublicKeys", "GenerateServiceLastAccessedDetails"]
    assert {action: sandbox.calls[f"aws:{action}"] for action in once + candidates} == {
        **dict.fromkeys(once, 1),
        **dict.fromkeys(candidates, 2),
    }


def test_calls_are_bounded_by_those_who_are_not_plainly_active(tmp_path: Path) -> None:
    with embedded(users=250) as sandbox:
        assert custodian(sandbox, tmp_path, policy("unused", verdicts=VERDICTS)).returncode == 0
        calls = sandbox.calls.total()
    doubtful = [user for user, verdict in by_user(tmp_path, "unused").items() if verdict != "active"]
    assert 0 < len(doubtful) < 125
    assert calls <= 12 + len(doubtful)


READ_ONLY = {"attached": ("ReadOnlyAccess",)}
GIT_KEY = {"ssh_keys": (SshKey(),)}
OLD = {"password": Password(used=days(200))}
ADVICE: dict[str, tuple[dict[str, Any], str]] = {
    # The user; its verdict, that with assume-advisor-complete, and that when every job fails.
    "in-use-anyway": ({"password": Password(used=days(1))}, "active active active"),
    "git-in-use": ({**GIT_KEY, **READ_ONLY, "advisor": {"codecommit": days(9)}}, "active active unknown"),
    "git-in-use-last-page": ({**GIT_KEY, **READ_ONLY, "advisor": {"xray": days(9)}}, "active active unknown"),
    "git-old-use": ({**GIT_KEY, **READ_ONLY, "advisor": {"codecommit": days(200)}}, "unknown stale unknown"),
    "git-silent": ({**GIT_KEY, **READ_ONLY}, "unknown never-used unknown"),
    "git-silent-without-policies": ({**GIT_KEY}, "unknown never-used unknown"),
    "saved-by-advisor": ({**OLD, **READ_ONLY, "advisor": {"s3": days(9)}}, "active active unknown"),
    "stale": ({**OLD, **READ_ONLY}, "stale stale unknown"),
    "never-used": ({"keys": (Key(),), **READ_ONLY}, "never-used never-used unknown"),
    "newcomer": ({"created": days(3), "keys": (Key(),), **READ_ONLY}, "new new new"),
    "nothing-live": ({**READ_ONLY}, "no-credentials no-credentials no-credentials"),
}


@pytest.fixture(scope="module")
def advised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("advisor")
    with embedded() as sandbox:
        sandbox.aws.add(*(Person(name, **values) for name, (values, _) in ADVICE.items()))
        plain = policy("plain", **ADVISED)
        assumed = policy("assumed", assume_advisor_complete=True, **ADVISED)
        assert custodian(sandbox, folder, plain, assumed).returncode == 0
        sandbox.faults["advisor"] = "failed"
        assert custodian(sandbox, folder, policy("failed", **ADVISED)).returncode == 0
        sandbox.faults["advisor"] = "never"
        assert custodian(sandbox, folder, policy("never", advisor_timeout=0.2, **ADVISED)).returncode == 0
    return folder


@pytest.mark.parametrize(("place", "name"), [*enumerate(("plain", "assumed", "failed", "never"))])
def test_access_advisor_may_only_veto(advised: Path, place: int, name: str) -> None:
    expected = {user: verdicts.split()[min(place, 2)] for user, (_, verdicts) in ADVICE.items()}
    assert by_user(advised, name) == expected


def test_a_veto_leaves_the_credentials_verdict_alone(advised: Path) -> None:
    (credential,) = judged(advised, "plain")["saved-by-advisor"]["credentials"]
    assert credential["verdict"] == "stale"
    assert [e["source"] for e in credential["evidence"]] == ["last-used", "last-used", "access-advisor"]


def test_what_was_assumed_is_named_as_the_basis(advised: Path) -> None:
    (credential,) = judged(advised, "assumed")["git-silent"]["credentials"]
    assert (credential["verdict"], credential["basis"]) == ("never-used", "access-advisor")


def test_a_job_that_is_late_says_so(advised: Path) -> None:
    assert "did not answer within 0.2 seconds" in judged(advised, "never")["stale"]["user_reason"]
