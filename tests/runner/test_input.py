"""Wrong input: one sentence, exit code 2, and nothing is started."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from custom_filters.runner.main import cli

POLICY = "policies:\n- name: mine\n  resource: aws.iam-user\n"
FILES = {
    "good.yml": POLICY,
    "broken.yml": "policies:\n- name: [mine\n",
    "list.yml": "- name: mine\n",
    "empty.yml": "policies: []\n",
    "nameless.yml": "policies:\n- resource: aws.iam-user\n",
    "kindless.yml": "policies:\n- name: mine\n",
    "foreign.yml": "policies:\n- name: mine\n  resource: k8s.pod\n",
    "twice.yml": POLICY + "- name: mine\n  resource: iam-user\n",
    "azure.yml": "policies:\n- name: mine\n  resource: azure.directory-user\n",
    "many-days.yml": POLICY + "  filters: [{type: unused-credentials, days: 500}]\n",
    "odd-option.yml": POLICY + "  filters: [{type: unused-credentials, odd: 1}]\n",
    "exempt.yml": POLICY + "  filters: [{type: unused-credentials, exemptions: bad.yml}]\n",
    "unexempt.yml": POLICY + "  filters: [{not: [{type: unused-credentials, exemptions: none.yml}]}]\n",
    "bad.yml": "exemptions:\n- {provider: aws, account: x, user: y, reason: z, approved_by: a, expires: no}",
    "filter.yml": POLICY + "  filters: [unused-credental]\n",
    "action.yml": POLICY + "  actions: [{type: disable-unsed}]\n",
    "value.yml": POLICY + "  filters: [{type: unused-credentials, verdicts: [stael]}]\n",
    "nested.yml": POLICY + "  filters: [{not: [{type: unused-credentials, mach: user}]}]\n",
    "resource.yml": "policies:\n- name: mine\n  resource: gcp.service-acount\n",
    "key.yml": POLICY + "  filter: [unused-credentials]\n",
}

CASES = {
    "days too few": (["run", "--days", "0"], "--days 0: '0' is not a whole number from 1 to 400."),
    "days too many": (["run", "--days", "30,401"], "'401' is not a whole number from 1 to 400."),
    "days not a number": (["run", "--days", "90d"], "'90d' is not a whole number"),
    "days none": (["run", "--days", ""], "'' is not a whole number"),
    "verdict": (["run", "--fail-on", "stale,old"], "'old' is not one of active, new,"),
    "provider": (["run", "-p", "aws,ibm"], "'ibm' is not one of aws, azure, gcp."),
    "no provider": (["run", "-p", ","], "',' is not one of aws, azure, gcp."),
    "remote output": (["run", "-s", "s3://bucket/x"], "a run is written to a local folder"),
    "enforce several": (["run", "--enforce", "--days", "45,90"], "--enforce takes one threshold"),
    "enforce unasked": (["run", "--enforce"], "this is not a terminal; add --yes."),
    "now on real clouds": (["run", "--now", "2026-01-01T00:00:00Z"], "are for the sandbox only"),
    "missing file": (["run", "none.yml"], "none.yml can't be read: No such file or directory."),
    "folder": (["run", "."], ". is a folder; name the policy files in it."),
    "not YAML": (["run", "broken.yml"], "broken.yml is not YAML: while parsing a flow sequence"),
    "no policies": (["run", "list.yml"], "list.yml holds no policies"),
    "no policy": (["run", "empty.yml"], "empty.yml holds no policies"),
    "no name": (["run", "nameless.yml"], "nameless.yml holds a policy without a name"),
    "no resource": (["run", "kindless.yml"], "kindless.yml: policy mine has no `resource:`."),
    "other cloud": (["run", "foreign.yml"], "policy mine is for k8s, not for one of aws, azure, gcp."),
    "same name": (["run", "twice.yml"], "policy mine is there 2 times"),
    "none of provider": (["run", "-p", "aws", "azure.yml"], "no given policy is for aws."),
    "option out of range": (
        ["run", "many-days.yml"],
        "many-days.yml: policy mine: 500 is greater than the max",
    ),
    "no such option": (
        ["run", "odd-option.yml"],
        "odd-option.yml: policy mine: there is no option odd of unused-",
    ),
    "filter misspelt": (
        ["run", "filter.yml"],
        "filter.yml: policy mine: there is no filter unused-credental; did you mean unused-credentials?",
    ),
    "action misspelt": (["run", "action.yml"], "action disable-unsed; did you mean disable-unused?"),
    "value misspelt": (
        ["run", "value.yml"],
        "there is no value stael for verdicts of unused-credentials; did you mean stale?",
    ),
    "option misspelt": (["run", "nested.yml"], "option mach of unused-credentials; did you mean match?"),
    "resource misspelt": (["run", "resource.yml"], "did you mean gcp.service-account?"),
    "key misspelt": (
        ["run", "key.yml"],
        "key.yml: policy mine: there is no key filter; did you mean filters?",
    ),
    "limit": (["run", "--max-resources", "0"], "0 is not in the range x>=1"),
    "bad exemptions": (["run", "exempt.yml"], "bad.yml, line 2: 'expires' is 'no'; write a date"),
    "no exemptions file": (["run", "unexempt.yml"], "none.yml: cannot be read (No such file or directory)"),
    "now not a time": (["demo", "--now", "yesterday"], "'yesterday' is not an RFC 3339 timestamp"),
    "cloud": (["sandbox", "--clouds", "oci"], "'oci' is not one of aws, azure, gcp."),
    "fault": (["sandbox", "--clouds", "aws", "--faults", "=", "--", "true"], "write name=value"),
    "command": (["sandbox", "--clouds", "aws", "--", "no-such-command"], "no-such-command can't be run"),
    "users": (["sandbox", "--users", "0"], "0 is not in the range x>=1"),
    "explain nothing": (["explain", "nowhere", "--user", "x"], "nowhere is not a folder"),
    "no action log": (["verify", "."], ". holds no c7n-unused-actions.jsonl"),
    "permissions of": (["permissions", "-p", "ibm"], "'ibm' is not one of 'aws', 'azure', 'gcp'"),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_input_is_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    args, sentence = CASES[name]
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("C7N_UNUSED_SANDBOX", raising=False)
    result = CliRunner().invoke(cli, args)
    assert sentence in result.output
    assert result.exit_code == 2
    assert len(result.output.partition("Error: ")[2].splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_nobody_to_restore_is_not_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["restore", ".", "--user", "x"])
    assert result.output == "Nobody matched: no run in . switched off x.\n"
    assert result.exit_code == 3
    assert list(tmp_path.iterdir()) == []
