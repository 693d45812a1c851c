"""Faults that the embedded Microsoft cloud can show; the mapping is read at every request."""

from __future__ import annotations

from custom_filters.sandbox.faults import Fault, rude

TABLE = (
    *rude("graph"),
    Fault("graph_429", "SHARE", "429 TooManyRequests instead; in a batch, to inner requests too"),
    Fault("graph_500", "SHARE", "500 InternalServerError likewise"),
    Fault("graph_503", "SHARE", "503 ServiceUnavailable likewise"),
    Fault("graph_429_retry_after", "NUMBER|none|date", "Retry-After of 429 and 503 (also 1.5); default 1"),
    Fault("rate_limit", "NUMBER", "signInActivity reads a minute, pages included (really 10); then 429"),
    Fault("log_rate", "NUMBER", "reads of auditLogs in 10 seconds (really 5); then 429"),
    Fault("license", "missing|intermittent", "403 to signInActivity and signIns; intermittent: two in three"),
    Fault("permission", "NAMES", "the app lacks these permissions: 403"),
    Fault(
        "denial",
        "Authorization_RequestDenied|Authentication_MSGraphPermissionMissing|UnknownError",
        "the body of that 403; default the first; UnknownError holds PermissionScopeNotGranted as JSON",
    ),
    Fault("deny_user", "NAMES", "403 to every request about these users (UPNs or ids)"),
    Fault("pim", "missing", "role eligibility needs a licence that the tenant lacks: 400"),
    Fault("page_fail", "NUMBER", "the N-th page of /users fails with 500, always"),
    Fault("page_fail_path", "NAMES", "page_fail counts the pages of this list instead, such as /groups"),
    Fault("graph_page_token", "expired", "every request with a $skiptoken: 400 Directory_ExpiredPageToken"),
    Fault("nextlink_host", "NAMES", "nextLink of /users leads to this host"),
    Fault("login", "bad", "the client secret is refused: AADSTS7000215"),
    Fault("token_lifetime", "NUMBER", "how many seconds new tokens live; default 3599"),
    Fault("token_calls", "NUMBER", "each token is expired after so many requests"),
    Fault("cae", "NUMBER", "after so many requests 401 with a claims challenge; a token got by it is good"),
    Fault("activity", "missing", "no user has signInActivity"),
    Fault("activity_lag", "NUMBER", "signInActivity shows a sign-in so many hours later (really up to 24)"),
    Fault("log_lag", "NUMBER", "the sign-in log shows it so many minutes later"),
    Fault("omit", "NAMES", "signInActivity of these users is left out everywhere"),
    Fault("omit_list", "NAMES", "signInActivity of these users is left out of lists"),
    Fault("omit_page", "NUMBER", "the N-th page of /users has no signInActivity for anybody"),
    Fault("beta", "missing", "the cloud has no /beta"),
    Fault("patch_fail", "NAMES", "PATCH of these users fails with 500, always"),
    Fault("revoke_fail", "403|500", "revokeSignInSessions fails, and nothing else"),
)
