"""The verdict words of commands: the exit codes that go with each, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

from migrator.model.counted import counted


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a verdict word means: the exit codes that go with it, and what to do next."""

    exit_codes: tuple[int, ...]
    remedy: str


LEFT_BEHIND = "left-behind"
"""All is in the databases, and sources that were to be moved away could not be."""

OUTCOMES = {
    "proved": Conclusion((0,), "Nothing to do: every session is in its database, and every source is unchanged."),
    "already-migrated": Conclusion((0,), "Nothing to do: every session was in its database already."),
    "scanned": Conclusion((0,), "Read the findings, then run migrator plan."),
    "pending": Conclusion((0, 1), "Run migrator apply, with the plan file or with --yes."),
    "up-to-date": Conclusion((0,), "Nothing to write. Run migrator verify to see whether everything is there."),
    "unexpected": Conclusion((1,), "Look for what is missing, or correct --expect-agents and --expect-sessions."),
    "explained": Conclusion((0,), "See above, place by place."),
    "exported": Conclusion((0, 15), "Nothing to do: the export is complete."),
    "listed": Conclusion((0,), "Name the run to take back: migrator rollback RUN."),
    "rolled-back": Conclusion((0,), "Nothing to do: everything is as it was before the run."),
    LEFT_BEHIND: Conclusion(
        (1,),
        "Some sources were not moved, and an upgrade would import them: follow the findings on them, and run it again.",
    ),
    "differences": Conclusion(
        (1,), "Read above what is missing, changed, moved or failed, and follow the findings: no source was changed."
    ),
    "not-upgraded": Conclusion(
        (12,),
        "OpenClaw did not upgrade the copy, for the reason that its commands name; nothing is said of what it would "
        "keep. Mend that, and prove again.",
    ),
    "not-tried": Conclusion(
        (0, 12),
        "The copy was migrated, and no upgrade was tried: name the new release with --new, or say --without-openclaw.",
    ),
    "failed": Conclusion((2,), "Report the defect; nothing is claimed."),
    "unjudged": Conclusion(
        (0, 10),
        "There is nothing to compare with. Name something with --against: a backup of the state directory, or the "
        "folder of a run.",
    ),
    "busy": Conclusion((11,), "Stop the gateway, or whatever else writes, and try again."),
    "refused": Conclusion((12,), "Follow the findings; nothing was written."),
    "changed": Conclusion((13,), "Plan again: a source or a database changed."),
    "quarantined": Conclusion(
        (15,), "Read the findings on damaged pieces; apply keeps their bytes in the folder of its run."
    ),
}
"""Every verdict word."""

VERDICTS = {
    "scan": ("scanned", "unexpected"),
    "plan": ("up-to-date", "unexpected", "refused", "pending"),
    "apply": ("proved", "already-migrated", "quarantined", LEFT_BEHIND, "differences", "changed", "busy", "unjudged"),
    "verify": ("proved", "quarantined", "differences", "unexpected", "unjudged", "busy"),
    "prove": (
        "proved",
        "quarantined",
        "differences",
        "not-upgraded",
        "not-tried",
        "busy",
        "changed",
        "refused",
        "failed",
    ),
    "rollback": ("rolled-back", "refused", "differences"),
    "export": ("exported",),
    "explain": ("explained",),
}
"""The verdict words that each verb can come to."""

GOOD = ("proved", "already-migrated", "quarantined", LEFT_BEHIND, "not-tried")
"""The words that claim that nothing is lost."""


def remedy(verdict: str, in_quarantine: int, lost_histories: int = 0) -> str:
    """What to do after a verdict.

    While something is in quarantine, or the history of a session is nowhere, nobody is told that all is there.
    """
    if lost_histories and not in_quarantine and verdict in ("proved", "already-migrated"):
        return (
            "Look for the transcripts of {lost:session} that {lost:has|have} none: all that is here is migrated."
        ).format(**counted({"lost": lost_histories}))
    told = "quarantined" if in_quarantine and verdict in ("proved", "already-migrated") else verdict
    return OUTCOMES[told].remedy
