"""What to do after what a proof log tells: the same as the report of its command says."""

from __future__ import annotations

from migrator.model.conclusions import remedy
from migrator.model.next_steps import Tally, after_judging
from migrator.model.verification import HistoryVerdict, Verdict
from migrator.proofs.log import Log
from migrator.proofs.vocabulary import Check, given


def next_step(log: Log) -> str:
    """The sentence for a log without problems."""
    totals, verdicts = log.totals, given(log.totals.verdicts, {})
    failed = frozenset(check.name for check in log.of(Check) if not check.passed)
    damaged = verdicts.get(Verdict.QUARANTINED, 0) + given(totals.transcripts, {}).get(HistoryVerdict.DAMAGED, 0)
    usual = remedy(totals.verdict, damaged, log.end.findings.get("entry.lost-history", 0))
    found = Tally(verdicts, totals.events - totals.present, failed, "--against" in log.begin.command)
    return after_judging(log.begin.verb, totals.verdict, usual, found)
