from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.openclaw.changes.media_facts import LEGACY_FIELDS, fold_media

_Object = dict[str, Any]

# What OpenClaw 2026.9.6 itself makes of these fields.
CASES: tuple[tuple[_Object, list[_Object]], ...] = (
    ({"MediaPath": " /a ", "MediaType": "image/png"}, [{"path": "/a", "contentType": "image/png"}]),
    ({"MediaPath": "/a", "MediaType": "audio"}, [{"path": "/a", "kind": "audio"}]),
    (
        {"MediaPaths": ["/a", "/b"], "MediaTypes": ["image/png", "audio"], "MediaTranscribedIndexes": [1]},
        [{"path": "/a", "contentType": "image/png"}, {"path": "/b", "kind": "audio", "transcribed": True}],
    ),
    (
        {"MediaPaths": ["/a", "/b"], "MediaUrl": "http://u"},
        [{"path": "/a", "url": "http://u"}, {"path": "/b", "url": "http://u"}],
    ),
    ({"MediaUrls": ["http://u", None], "MediaUrl": "http://v"}, [{"url": "http://u"}, {}]),
    ({"MediaPaths": ["/a", None], "MediaUrls": [None, "http://u"]}, [{"path": "/a"}, {"url": "http://u"}]),
    (
        {"MediaPath": "/a", "MediaStaged": True, "MediaWorkspaceDir": "/w"},
        [{"path": "/a", "workspaceDir": "/w", "staged": True}],
    ),
    (
        {"media": [{"path": "/a", "sizeBytes": 0, "width": 1, "height": 0, "other": 1}]},
        [{"path": "/a", "sizeBytes": 0, "width": 1}],
    ),
    (
        {"media": [{"path": "/a", "contentType": "x/y", "kind": "image", "origin": "paste"}], "MediaPath": "/b"},
        [{"path": "/a", "contentType": "x/y", "kind": "image", "origin": "paste"}],
    ),
    (
        {
            "media": [{"path": "/a", "kind": "image"}, {"path": "/b", "kind": "image"}],
            "MediaPaths": ["/a", "/b"],
            "MediaTypes": ["audio"],
        },
        [{"path": "/a", "kind": "image"}, {"path": "/b", "kind": "image"}],
    ),
    ({"media": []}, []),
)


@pytest.mark.parametrize(("fields", "media"), CASES)
def test_attachments_become_a_list(fields: _Object, media: list[_Object]) -> None:
    message: _Object = {"role": "user", "content": "c", **fields, "__openclaw": {"runId": "r"}}

    assert fold_media(message) == {"role": "user", "content": "c", "__openclaw": {"runId": "r", "media": media}}


def test_types_that_may_belong_to_another_attachment_leave_the_message_as_it_is() -> None:
    message: _Object = {"MediaPaths": ["/a", "/b"], "MediaTypes": ["image/png"]}

    assert fold_media(message) is message


def test_a_message_without_attachments_is_left_alone() -> None:
    message: _Object = {"role": "user", "content": "c", "__openclaw": {"runId": "r"}}

    assert fold_media(message) is message


def test_a_list_that_is_none_is_dropped() -> None:
    assert fold_media({"media": "x"}) == {}


_VALUES = st.sampled_from([None, True, 0, 5, "", " ", "/a", "image/png", "audio"])
_FACTS = st.dictionaries(
    st.sampled_from(["path", "url", "contentType", "kind", "fileName", "sizeBytes", "width", "staged"]), _VALUES
)
_LISTS = st.lists(_VALUES | _FACTS, max_size=3)


@given(
    st.dictionaries(st.sampled_from([*LEGACY_FIELDS, "media"]), _VALUES | _LISTS),
    st.none() | st.fixed_dictionaries({"media": _VALUES | _LISTS}),
)
def test_folding_leaves_nothing_to_fold(fields: _Object, metadata: _Object | None) -> None:
    message: _Object = {"role": "user", **fields, "__openclaw": metadata}

    folded = fold_media(message)

    assert folded is message or not {*LEGACY_FIELDS, "media"} & folded.keys()
    assert fold_media(folded) == folded
