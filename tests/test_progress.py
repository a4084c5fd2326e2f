"""The bar: nothing when it is off, and nothing where nobody looks."""

from __future__ import annotations

import sys

import pytest

from migrator.progress import bar, silent


def test_a_bar_that_is_off_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with bar("scan", enabled=False) as advance:
        advance(1 << 30)
        assert advance is silent
    assert capfd.readouterr() == ("", "")


def test_a_bar_that_is_on_shows_nothing_where_stderr_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with bar("scan", enabled=True) as advance:
        advance(1 << 30)
    assert capfd.readouterr() == ("", "")


def test_a_bar_on_a_terminal_says_what_is_done_and_never_uses_stdout(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with bar("scan", enabled=True) as advance:
        advance(5)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "scan" in shown.err
