"""Embedded clouds on loopback, for the demo and the tests."""

from __future__ import annotations

from custom_filters.sandbox.sandbox import Sandbox, Settings

__all__ = ["Sandbox", "Settings"]
