"""Names that several places must spell alike: in policies, on identities, in files, in the environment."""

from __future__ import annotations

AWS, AZURE, GCP = "aws", "azure", "gcp"
PROVIDERS = (AWS, AZURE, GCP)

# Filters and actions.
FILTER = "unused-credentials"
MARK_FILTER = "unused-mark"
MARK = "mark-for-op"
UNMARK = "unmark-unused"
DISABLE = "disable-unused"
ENABLE = "enable-unused"
RECORD_FILTER = "unused-record"
RETIRE = "retire-record"
OUR_FILTERS = (FILTER, MARK_FILTER, RECORD_FILTER)
OUR_ACTIONS = frozenset({DISABLE, ENABLE, UNMARK, RETIRE})
#: Actions that change nothing about an identity.
NEUTRAL = frozenset({"notify", "webhook", "put-metric", "post-finding"})
#: Actions that only take a mark off or bring an identity back.
RELEASING = frozenset({UNMARK, "remove-tag", "unmark", "untag", ENABLE, RETIRE})

# Notes that we keep on an identity, by name: tags on AWS, and what stands for tags elsewhere.
#: Where Custodian keeps a mark unless the policy names a tag.
STOCK_TAG = "maid_status"
TAG = "c7n-unused"
EXEMPT_TAG = "c7n-unused-exempt"

# What a policy writes.
ANNOTATION = "c7n:unused"
ACTIONS_FILE = "c7n-unused-actions.jsonl"

# The environment.
#: Set by the sandbox when its clock was moved (RFC 3339).
NOW_VARIABLE = "C7N_UNUSED_NOW"
#: Set by the sandbox: its control endpoint.
SANDBOX_VARIABLE = "C7N_UNUSED_SANDBOX"
#: Set by `c7n-unused run`, so that the log lines of one run carry one id.
RUN_ID_VARIABLE = "C7N_UNUSED_RUN_ID"
#: Set in AWS Lambda: the id of the event, the same for each delivery of it.
EVENT_VARIABLE = "C7N_UNUSED_EVENT_ID"
#: Which of Microsoft's clouds Azure policies are for; one of CLOUDS, Custodian's own words.
CLOUD_VARIABLE = "C7N_UNUSED_CLOUD"
CLOUDS = ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud")
