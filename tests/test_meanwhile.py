"""Long work beside Python: in a thread where it is worth one and a core is left, and right here where not."""

from __future__ import annotations

import threading

import pytest

from migrator.meanwhile import _WORTHWHILE, meanwhile, on_one_core


@pytest.mark.parametrize(
    ("size", "waits", "one_core", "elsewhere"),
    [
        (_WORTHWHILE, False, False, True),
        (_WORTHWHILE - 1, False, False, False),
        (_WORTHWHILE, False, True, False),
        (_WORTHWHILE, True, True, True),
        (_WORTHWHILE - 1, True, False, False),
    ],
)
def test_a_thread_is_begun_for_long_work_if_it_only_waits_or_a_core_is_left(
    size: int, waits: bool, one_core: bool, elsewhere: bool
) -> None:
    def begin() -> bool:
        with meanwhile(threading.get_ident, size, waits=waits) as result:
            return result() != threading.get_ident()

    if one_core:
        with on_one_core():
            assert begin() is elsewhere
        assert meanwhile_is_free()
    else:
        assert begin() is elsewhere


def meanwhile_is_free() -> bool:
    with meanwhile(threading.get_ident, _WORTHWHILE) as result:
        return result() != threading.get_ident()


@pytest.mark.parametrize("size", [0, _WORTHWHILE])
def test_what_goes_wrong_is_raised_where_the_result_is_asked_for(size: int) -> None:
    def fail() -> None:
        raise FileNotFoundError("gone")

    with meanwhile(fail, size) as result, pytest.raises(FileNotFoundError, match="gone"):
        result()
