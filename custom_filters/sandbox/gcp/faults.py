"""The faults of the Google part, read at each request; the token endpoint has none."""

from __future__ import annotations

from custom_filters.sandbox.faults import Fault, rude

RATE_REASONS = "quotaExceeded|rateLimitExceeded|userRateLimitExceeded|429"
TABLE = (
    *rude("gcp"),
    Fault("gcp_429", "SHARE", "429 instead, and nothing is applied"),
    Fault("gcp_500", "SHARE", "500 likewise"),
    Fault("gcp_503", "SHARE", "503 likewise"),
    Fault("gcp_retry_after", "NUMBER|none", "Retry-After of 429, 403 for speed and 503; default none"),
    Fault("directory_rate", "NUMBER", "Directory API calls a minute and user (really 2,400)"),
    Fault("reports_rate", "NUMBER", "Reports API calls a minute and user (really 250)"),
    Fault(
        "rate_reason", RATE_REASONS, "how those are refused: 403 with that reason, or 429; default the first"
    ),
    Fault("disabled", "HOSTS", "the API is not enabled (HOST/PROJECT: there): 403 SERVICE_DISABLED"),
    Fault("deny", "NAMES", "403 to these method ids, or these permissions or privileges are missing"),
    Fault("deny_user", "NAMES", "403 to requests about these users or service accounts"),
    Fault("subject", "notadmin", "the subject has no administrator privileges"),
    Fault("token_calls", "NUMBER", "each token is expired after so many requests"),
    Fault("page_token", "expired", "every request with a page token: 400"),
    Fault("login_lag", "NUMBER", "lastLoginTime shows a sign-in so many hours later"),
    Fault("activities_lag", "NUMBER", "Reports activities show it so many minutes later"),
    Fault("analyzer_lag", "NUMBER", "Policy Analyzer shows an authentication so many hours later"),
    Fault("metric_lag", "NUMBER", "Monitoring shows it so many minutes later"),
    Fault(
        "reports_warnings", "on|accounts|gmail", "usage reports warn of that application (gmail) and lack it"
    ),
    Fault("reports_missing", "NUMBER", "usage reports are ready that many days later than usual"),
    Fault("reports_partial", "NUMBER", "that many of the newest days warn, and lack every other user"),
    Fault(
        "gmail_window", "NUMBER", "dates of Gmail that are older than so many days are left out (really 30)"
    ),
    Fault("analyzer", "norows|short", "Policy Analyzer has no rows, or observed 30 days only"),
    Fault(
        "conflict", "on", "users.list shows an older or no lastLoginTime for some, users.get the right one"
    ),
    Fault("omit_list", "NAMES", "users.list leaves out lastLoginTime of these users"),
    Fault("schema_delay", "NUMBER", "a new custom schema is not known to users.* before so many seconds"),
    Fault("patch_fail", "NAMES", "changes of these users or service accounts: 500, always"),
)
