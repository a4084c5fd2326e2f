"""Many findings and long lists stay readable: one group a code, the worst first, the rest counted."""

from __future__ import annotations

import pytest

from migrator.model.counted import plural
from migrator.model.words import Finding, Name
from migrator.report.building import finding_row
from migrator.report.groups import MOST_NAMES, MOST_ROWS, cut, grouped, listed


def label(name: Name) -> str:
    return f"<{name.text}>"


def findings(code: str, *subjects: str) -> list[Finding]:
    return [Finding(code, Name("lock", one)) for one in subjects]


def test_findings_of_one_code_are_one_group_and_the_worst_comes_first() -> None:
    made = [
        *findings("lock.stale", "a"),
        *findings("database.locked", "b"),
        *findings("store.link-outside", "c"),
        *findings("lock.stale", "d"),
    ]
    groups = grouped([finding_row(one) for one in made])
    assert [(group.code, len(group.findings)) for group in groups] == [
        ("database.locked", 1),
        ("store.link-outside", 1),
        ("lock.stale", 2),
    ]


def test_a_group_tells_the_first_names_and_counts_the_rest() -> None:
    names = [str(one) for one in range(MOST_NAMES + 5)]
    (group,) = grouped([*map(finding_row, findings("lock.stale", *names))])
    told = group.sentence(label)
    assert told.startswith("<0> was left behind")
    assert told.endswith("The same for <1>, <2>, <3> and 4 more.")


def test_a_large_count_is_no_word_that_a_numbered_name_may_have() -> None:
    (group,) = grouped([*map(finding_row, findings("lock.stale", *(f"k-{one}" for one in range(12_004))))])
    assert group.sentence(label).endswith(" and 12,000 more.")


def test_several_findings_on_one_thing_are_counted() -> None:
    (group,) = grouped([*map(finding_row, findings("lock.stale", "a", "a", "a"))])
    assert group.sentence(label).endswith("2 more of this kind there.")


def test_names_that_fit_are_all_listed() -> None:
    names = [Name("lock", str(one)) for one in range(MOST_NAMES)]
    assert "more" not in listed(names, label)
    assert listed([], label) == ""


@pytest.mark.parametrize("count", [0, 1, MOST_ROWS])
def test_a_list_that_fits_keeps_its_order(count: int) -> None:
    assert cut(list(range(count)), lambda row: -row) == (list(range(count)), [])


def test_of_a_list_that_does_not_fit_the_most_important_rows_stay() -> None:
    shown, rest = cut(list(range(MOST_ROWS + 30)), lambda row: 0 if row >= MOST_ROWS else 1)
    assert shown[:30] == list(range(MOST_ROWS, MOST_ROWS + 30))
    assert len(shown) == MOST_ROWS
    assert sorted(shown + rest) == list(range(MOST_ROWS + 30))


def test_nouns_follow_their_number() -> None:
    assert [plural(one, "entry") for one in (0, 1, 2000)] == ["0 entries", "1 entry", "2,000 entries"]
    assert plural(2, "session") == "2 sessions"
