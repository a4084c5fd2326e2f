"""Of several keys with one session id exactly one owns its row: the newest, of equally new ones the first in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from migrator.model.inventory import Row
from migrator.model.plan import Action, Decision
from migrator.planning.decisions import assign_owners

KEYS, SESSIONS, TIMES = st.sampled_from("abcdef"), st.sampled_from(["s", "t", None]), st.sampled_from([None, 1, 2])


@st.composite
def decisions(draw: st.DrawFn) -> list[Decision]:
    return [
        Decision(
            key=key,
            action=Action.INSERT,
            source=None,
            sha256=b"",
            session_id=session_id,
            updated_at=draw(TIMES),
            write_cache=True,
            write_typed=session_id is not None and draw(st.booleans()),
            owns_session=False,
            typed_key=key,
            typed_sha256=b"",
        )
        for key in draw(st.lists(KEYS, unique=True))
        for session_id in (draw(SESSIONS),)
    ]


ROWS = st.dictionaries(KEYS, st.tuples(TIMES, SESSIONS)).map(
    lambda rows: {key: Row(key, b"", time, session_id) for key, (time, session_id) in rows.items()}
)


@given(decisions(), ROWS)
def test_the_newest_key_owns_the_row_of_its_session(decided: list[Decision], typed: dict[str, Row]) -> None:
    final = {row.key: (row.session_id, row.updated_at or 0) for row in typed.values()}
    final |= {d.key: (d.session_id, d.updated_at or 0) for d in decided if d.write_typed or d.key in typed}
    newest = {
        session_id: min((-time, key) for key, (one, time) in final.items() if one == session_id)[1]
        for session_id, _ in final.values()
        if session_id is not None
    }
    for d in assign_owners(list(decided), typed):
        assert d.owns_session == (newest.get(d.session_id or "") == d.key and d.session_id is not None)
