"""Findings: their words, their table, their count."""

import pytest

from ddet.audit.findings import Finding


def test_an_unknown_verdict_is_refused():
    with pytest.raises(ValueError, match="unknown verdict 'fine'"):
        Finding(1, "p", "t", "r", "c", "1", "1", "fine", "s.")
