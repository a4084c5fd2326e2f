"""The findings on what writes: runs, their roll-back, the sources that they move, and locks of others."""

from __future__ import annotations

from migrator.findings.rule import BUSY, NOTE, REFUSED, WARNING, Rule

RUN_RULES: dict[str, Rule] = {
    # sources that were to be moved away
    "archive.changing": Rule(
        WARNING,
        "{subject} changed while it was moved, so it stays: the next upgrade would import it.",
        "Stop whatever writes there, and run apply --archive-sources again.",
    ),
    "archive.link": Rule(
        WARNING,
        "{subject} is a link, so it was not moved: the next upgrade may import it.",
        "Move the link away before the upgrade: the databases have all that it leads to.",
    ),
    "archive.outside": Rule(
        WARNING,
        "{subject} lies outside the state directory, so it was not moved: the next upgrade may import it.",
        "If it belongs to this installation alone, name its store with --store and run apply --archive-sources again.",
    ),
    "archive.refused": Rule(
        WARNING,
        "The system refuses to move {subject} (error {errno}): the next upgrade would import it.",
        "Take away what protects it (chattr -i, another owner, a full or read-only disk), and run apply "
        "--archive-sources again.",
    ),
    "archive.shared": Rule(
        WARNING,
        "{subject} has sessions of agents that were not asked for, so it was not moved.",
        "Run apply --archive-sources without --agent.",
    ),
    # runs
    "run.complete": Rule(
        NOTE,
        "The run {subject} is complete.",
        "Nothing to do; rollback takes it back.",
    ),
    "run.database-gone": Rule(
        WARNING,
        "The run {others} has written {subject}, which is not there any more.",
        "Restore it from a backup, unless it was meant to go: without its sources nothing else tells of its sessions.",
    ),
    "run.differences": Rule(
        WARNING,
        "The run {subject} ended with differences.",
        "Verify names them, if they are still there: follow its findings, and run apply again. Rollback takes it back.",
    ),
    "run.needs-rollback": Rule(
        WARNING,
        "The run {subject} was being taken back when it was stopped.",
        "Run rollback with it; it goes on where it was stopped.",
    ),
    "run.no-proof": Rule(
        WARNING,
        "The run {subject} has committed, but its proof is missing.",
        "Run apply again, which does what is left and writes the proof; or verify --proof with the folder of the run.",
    ),
    "run.nothing-written": Rule(
        NOTE,
        "The run {subject} was stopped before it wrote to any database.",
        "Nothing to do; the next apply tidies up after it.",
    ),
    "run.only-in-quarantine": Rule(
        NOTE,
        "The run {subject} keeps {count:damaged piece} of files that are gone, or have changed since.",
        "Nothing to do if they were repaired; otherwise look into quarantine/index.jsonl in that folder.",
    ),
    "run.unreadable": Rule(
        WARNING,
        "The journal of the run {subject} cannot be read, or is damaged.",
        "Find out what happened to it; it cannot be taken back.",
    ),
    # what stands in the way of a roll-back
    "rollback.archive-changed": Rule(
        REFUSED,
        "The copy of {subject} in the folder of the run is not what was moved there.",
        "Look at it; roll back with --set-aside to put it back as it is.",
    ),
    "rollback.database-changed": Rule(
        REFUSED,
        "{subject} was written to after the run: {rows_now:row} instead of {rows_then} in {others}.",
        "Save what it holds (verify names the sessions), or roll back with --set-aside, which keeps it with the run.",
    ),
    "rollback.database-gone": Rule(
        REFUSED,
        "{subject} is not there any more.",
        "Find out who removed it; roll back with --set-aside to get back what was there before the run.",
    ),
    "rollback.database-unreadable": Rule(
        REFUSED,
        "{subject} cannot be read any more.",
        "Find out what happened to it; roll back with --set-aside to get back what was there before the run.",
    ),
    "rollback.incomplete": Rule(
        WARNING,
        "{subject} is not as it was before the run.",
        "Stop whatever writes there, and roll back again.",
    ),
    "rollback.later-run": Rule(
        REFUSED,
        "The run {subject} came later and worked on the same things.",
        "Roll that one back first.",
    ),
    "rollback.outside": Rule(
        REFUSED,
        "The run wrote to {subject}, outside of the state directory.",
        "If you trust the run, name the store there with --store.",
    ),
    "rollback.place-taken": Rule(
        REFUSED,
        "Something new is at the place of {subject}, which the run moved into its folder.",
        "Save it, or roll back with --set-aside, which keeps it with the run.",
    ),
    "rollback.source-changed": Rule(
        REFUSED,
        "{subject} is not what the run moved away, and the folder of the run does not have it any more.",
        "Look for the original in your backups; roll back with --set-aside to leave what is there.",
    ),
    "rollback.source-gone": Rule(
        REFUSED,
        "{subject} is neither at its place nor in the folder of the run.",
        "Look for it in your backups; roll back with --set-aside to go on without it.",
    ),
    # locks
    "gateway.at-work": Rule(
        BUSY,
        "Process {pid} runs OpenClaw on {subject}, or has files in it open; no lock here says so.",
        "Stop it first: openclaw gateway stop.",
    ),
    "gateway.live": Rule(
        BUSY,
        "Process {pid} runs a gateway, or another writer: its program or its start time fits the lock {subject}.",
        "Stop it first: openclaw gateway stop. If that is no OpenClaw, remove the lock.",
    ),
    "gateway.live-by-id": Rule(
        BUSY,
        "Process {pid} may be a gateway: it has the id in the lock {subject}, and its program cannot be seen.",
        "Stop it first: openclaw gateway stop. If that is no OpenClaw, remove the lock.",
    ),
    "gateway.unseen": Rule(
        WARNING,
        "The lock {subject} names process {pid}, which is not a process of this machine that can be seen.",
        "Make sure that no gateway runs in a container or on another machine; then there is nothing to do.",
    ),
    "lock.live": Rule(
        BUSY,
        "Process {pid} is writing: its program or its start time fits the lock {subject}.",
        "Wait until it is done, or stop it. If that is no OpenClaw, remove the lock.",
    ),
    "lock.live-by-id": Rule(
        BUSY,
        "Process {pid} may be writing: it has the id in the lock {subject}, and its program cannot be seen.",
        "Wait until it is done, or stop it. If that is no OpenClaw, remove the lock.",
    ),
    "lock.new": Rule(
        BUSY,
        "{subject} was made just now and does not name its owner.",
        "Wait half a minute and run again.",
    ),
    "lock.other-process": Rule(
        NOTE,
        "{subject} names process {pid}, which is no OpenClaw here, or began after the lock was made.",
        "Nothing to do, unless an OpenClaw runs in a container or on another machine; OpenClaw removes the lock.",
    ),
    "lock.stale": Rule(
        NOTE,
        "{subject} was left behind by a process that is gone.",
        "Nothing to do; OpenClaw removes it.",
    ),
    "lock.unseen": Rule(
        NOTE,
        "{subject} names process {pid}, which is not a process of this machine that can be seen.",
        "Nothing to do, unless an OpenClaw runs in a container or on another machine; OpenClaw removes the lock.",
    ),
    "lock.unseen-new": Rule(
        BUSY,
        "{subject} was made just now, by a process {pid} that cannot be seen; it may run in a container.",
        "Wait half a minute and run again, or say --wait; stop what writes, if it goes on.",
    ),
    "lock.unreadable": Rule(
        WARNING,
        "{subject} cannot be read; a writer may be hidden there.",
        "Make sure that no OpenClaw runs, or run as the user that it belongs to.",
    ),
    "runs.link-outside": Rule(
        REFUSED,
        "{subject} is a link out of the state directory; it was not followed.",
        "Move what earlier runs left there back, into a directory in its place.",
    ),
}
