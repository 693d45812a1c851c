"""Calls to Graph and Google are counted where Custodian counts those to AWS: in metadata.json."""

from __future__ import annotations

from c7n.output import api_stats_outputs

from custom_filters.azure import plugin as azure
from custom_filters.custodian.calls import Calls, count
from custom_filters.gcp import plugin as gcp


def test_the_calls_of_one_policy() -> None:
    count("graph.GET /users")
    for plugin in (azure, gcp):
        plugin.install()
        stats = api_stats_outputs.select(plugin.RESOURCE.partition(".")[0], None)
        assert isinstance(stats, Calls)
        stats.__enter__()
        count("graph.GET /users")
        count("admin.users.list")
        assert stats.get_metadata() == {"graph.GET /users": 1, "admin.users.list": 1}
