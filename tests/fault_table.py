"""The faults of the matrix as data: what each does on each cloud, where it does not apply and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Values = Mapping[str, str | float]
Way = Literal["wire", "kill", "kill-journal", "two", "hand-before", "hand-between", "note", "no-journal",
              "full", "twice", "clock", "late", "just-off"]  # fmt: skip
CHANGING = frozenset({"mark", "unmark", "disable", "retire", "restore"})
NOTED = frozenset({"mark", "unmark", "disable"})
EVERY = CHANGING | {"report"}


@dataclass(frozen=True)
class Fault:
    """One row: `values` are the sandbox's faults by cloud; `way` how the runner plays it, with `what`.

    operations: those that it concerns; without: kind (or cloud, or operation) -> why it does not apply.
    """

    name: str
    values: Mapping[str, Values] = field(default_factory=dict)
    way: Way = "wire"
    what: str = ""
    operations: frozenset[str] = EVERY
    without: Mapping[str, str] = field(default_factory=dict)

    def why_not(self, kind: str, cloud: str, operation: str) -> str | None:
        """Why this cell is empty, or None."""
        if operation not in self.operations:
            return (
                "nothing is changed"
                if operation == "report"
                else f"concerns {', '.join(sorted(self.operations))}"
            )
        return next(
            (self.without[w] for w in (f"{kind}, {operation}", kind, cloud, operation) if w in self.without),
            None,
        )


def _all(aws: Values, graph: Values, google: Values) -> Mapping[str, Values]:
    return {"aws": aws, "azure": graph, "gcp": google}


def _shares(aws: str, graph: str, google: str, share: float, **more: float) -> Mapping[str, Values]:
    return _all({aws: share}, {graph: share, **more}, {google: share})


def _lag(seconds: float) -> Mapping[str, Values]:
    aws, graph, google = (
        {f"{p}_read_lag": seconds, f"{p}_list_lag": seconds} for p in ("aws", "graph", "gcp")
    )
    return _all(aws, graph, google)


#: The first identity that each operation is for.
VICTIMS = ("stale", "back", "due-1", "reopened", "off-1")
SOON = {"graph_429_retry_after": 0.1}
LATE = "reads decide about last use at marking and disabling only"
_LISTED = (
    "a listing leaves it out for who never signed in; the single read before marking tells the two apart"
)
_RECREATED = {"service-account key": "a key has no name to be made anew under"}
_RENAMED = {"aws iam-role": "IAM cannot rename roles", "service account": "addresses are for good",
            "service-account key": "keys have no names"}  # fmt: skip

FAULTS = (
    Fault("throttling 1 %", _shares("throttle", "graph_429", "gcp_429", 0.01, **SOON)),
    Fault("throttling 10 %", _shares("throttle", "graph_429", "gcp_429", 0.1, **SOON)),
    Fault("throttling 40 %", _shares("throttle", "graph_429", "gcp_429", 0.4, **SOON)),
    Fault("token bucket", _all({"aws_rate": 5, "trail": "limited"}, {"log_rate": 5, "rate_limit": 10},
                               {"directory_rate": 30, "reports_rate": 30})),
    Fault("500", _shares("error", "graph_500", "gcp_500", 0.1)),
    Fault("503", _shares("unavailable", "graph_503", "gcp_503", 0.1, **SOON)),
    Fault("connection reset", _shares("drop", "graph_drop", "gcp_drop", 0.1)),
    Fault("reset after the write", _shares("drop_after", "graph_drop_after", "gcp_drop_after", 0.3),
          operations=CHANGING),
    Fault("one identity refuses every change", _all(
        {"error": "+".join(f"{a}@{n}" for a in ("TagUser", "TagRole") for n in VICTIMS)},
        {"patch_fail": "+".join(f"{n}@contoso.example" for n in VICTIMS)},
        {"patch_fail": "+".join(f"{n}@{d}" for n in VICTIMS for d in
                                ("lakeside.example", "lakeside-prod.iam.gserviceaccount.com"))}),
          operations=CHANGING),
    Fault("sessions cannot be ended", _all({}, {"revoke_fail": "403"}, {}), operations=frozenset({"disable"}),
          without={"aws": "a key or policy that is off ends them", "gcp": "suspending ends them"}),
    Fault("slow answers", _all({"slow": 0.1}, {"graph_slow": 0.3}, {"gcp_slow": 0.2})),
    Fault("truncated bodies", _shares("truncated", "graph_truncated", "gcp_truncated", 0.1)),
    Fault("wrong content type", _shares("garbled", "graph_garbled", "gcp_garbled", 0.1)),
    Fault("page token expired", _all({}, {"graph_page_token": "expired"}, {"page_token": "expired"}),
          what="crowd",
          without={"aws": "IAM's markers do not expire",
                   "service-account key": "its pages are those of the accounts"}),
    Fault("credentials expire half-way", _all({"aws_expire": 12}, {"token_calls": 5}, {"token_calls": 5})),
    Fault("clock a day ahead", way="clock", what="1"),
    Fault("clock a day behind", way="clock", what="-1"),
    Fault("reads lag 2 s", _lag(2)),
    Fault("reads lag what was just disabled", _lag(600), way="just-off", operations=frozenset({"retire"})),
    Fault("evidence lags", _all({"aws_evidence_lag": 24, "aws_trail_lag": 15},
                                {"activity_lag": 24, "log_lag": 15},
                                {"login_lag": 24, "analyzer_lag": 24, "metric_lag": 5, "activities_lag": 15}),
          way="late", operations=frozenset({"disable"}),
          without=dict.fromkeys(("mark", "unmark", "retire", "restore", "report"), LATE)),
    Fault("field omitted for one", _all({"aws_omit": "used@active+row@stale"},
                                        {"omit_list": "active@contoso.example"},
                                        {"omit_list": "active@lakeside.example"}),
          without={"aws iam-role": "the sandbox omits nothing of roles",
                   "entra user, report": _LISTED,
                   "service account": "accounts have rows, not fields: see the next row",
                   "service-account key": "keys have rows, not fields: see the next row"}),
    Fault("field omitted for all", _all({}, {"omit_page": 1}, {"analyzer": "norows", "conflict": "on"}),
          without={"aws": "a row or a field of one user: see the row above"}),
    Fault("killed before a write", way="kill", what="before", operations=CHANGING),
    Fault("killed after a write", way="kill", what="after", operations=CHANGING),
    Fault("killed before a journal line", way="kill-journal", what="before", operations=CHANGING),
    Fault("killed after a journal line", way="kill-journal", what="after", operations=CHANGING),
    Fault("two runners at once", way="two", operations=CHANGING),
    Fault("switched on by others before", way="hand-before", what="enable", operations=CHANGING),
    Fault("switched on by others between runs", way="hand-between", what="enable", operations=CHANGING),
    Fault("switched off by others before", way="hand-before", what="disable", operations=CHANGING,
          without={"service account": "Google does not tell who disabled an account, nor when"}),
    Fault("switched off by others between runs", way="hand-between", what="disable", operations=CHANGING),
    Fault("used before", way="hand-before", what="use", operations=CHANGING),
    Fault("used between runs", way="hand-between", what="use", operations=CHANGING),
    Fault("deleted between runs", way="hand-between", what="delete", operations=CHANGING),
    Fault("made anew before", way="hand-before", what="recreate", operations=CHANGING, without=_RECREATED),
    Fault("made anew between runs", way="hand-between", what="recreate", operations=CHANGING,
          without=_RECREATED),
    Fault("renamed between runs", way="hand-between", what="rename", operations=CHANGING, without=_RENAMED),
    Fault("self-written mark", way="note", what="mark", operations=NOTED),
    Fault("self-written record", way="note", what="record", operations=NOTED),
    Fault("another's record", way="note", what="other", operations=NOTED),
    Fault("journal not writable", way="no-journal", operations=CHANGING),
    Fault("disk full", way="full", what="0"),
    Fault("disk full half-way", way="full", what="1000"),
    Fault("an event delivered twice", way="twice", operations=CHANGING,
          without=dict.fromkeys(("azure", "gcp"), "only Lambda delivers events")),
)  # fmt: skip
