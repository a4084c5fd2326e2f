"""What a release reads from the entry or works out again: the judge need not see it."""

from __future__ import annotations

from mutations.changes import Change

_OF_NODES = (
    "legacy_acp_migration_json owner_actor_id owner_actor_type owner_assigned_at owner_assigned_by_id"
    " owner_assigned_by_type"
)
_OF_WINDOWS = (
    "account_id acp_owned agent_harness_id channel chat_type created_at display_name ended_at"
    " hook_external_content_source model model_provider parent_session_key plugin_owner_id previous_session_id"
    " primary_conversation_id reason session_entry_provenance session_scope spawned_by started_at status"
    " transcript_observed_at transcript_updated_at updated_at"
)

DERIVED = {
    "session_nodes": frozenset(_OF_NODES.split()),
    "session_windows": frozenset(_OF_WINDOWS.split()),
    "transcript_events": frozenset({"navigation_json"}),
    "transcript_event_identities": frozenset({"message_idempotency_key"}),
    "session_transcript_active_events": frozenset({"context_eligible"}),
    "session_key_contract": frozenset({"canonical_ready", "updated_at"}),
}
"""Columns by table. Nothing in legacy files says what the owner of a session is, or when a window was made; the other
columns of windows repeat an entry for queries of statistics, and are written anew with it. Real releases list every
session whatever they say (``tests/openclaw/test_oracle.py``)."""


def is_derived(change: Change) -> bool:
    """Whether a change concerns only what is derived."""
    return change.kind == "value" and change.column in DERIVED.get(change.table, ())
