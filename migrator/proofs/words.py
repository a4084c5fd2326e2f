"""The closed sets of words that a proof is written with, beside those of the model."""

from __future__ import annotations

from collections.abc import Collection

OTHER = "other"
"""Stands for a word outside its closed set: an unheard-of filesystem can carry the name of its owner."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


VERBS = _words("scan plan apply verify prove rollback export explain")
OPTIONS = _words(
    "--state-dir --config --agent --store --expect-agents --expect-sessions --format --output "
    "--proof --names --follow --level --accept --set-aside --evidence "
    "--from --bring-back --reassign --session --archived --report --wait --jobs legacy "
    "--yes --archive-sources --allow-empty --detailed-exitcode --against --quiet --all "
    "--old --new --install --smoke --without-openclaw --with migrator openclaw both "
    "text json junit github markdown html auto clear labels bytes known-transforms moved deleted"
)
OPENCLAW_WORDS = _words(
    "openclaw sessions doctor status gateway run call sessions.list chat.history --all-agents --allow-unconfigured "
    "--auth --bind --fix --json --limit --non-interactive --tailscale --version all loopback off password"
)
"""The words of the commands that a real OpenClaw is given; none of the others is recorded."""
COUNTED = _words(
    "agents stores sessions transcripts rows_written sources_archived sessions_arrived sessions_expected "
    "events_arrived events_expected missing changed moved databases_to_write quarantined "
    "events findings listed messages"
)
"""What the commands of a proof of an upgrade count."""
SYSTEMS = _words("Linux Darwin Windows FreeBSD OpenBSD other")
MACHINES = _words("x86_64 AMD64 aarch64 arm64 ARM64 armv7l riscv64 i686 other")
FILESYSTEMS = _words(
    "ext2 ext3 ext4 xfs btrfs zfs f2fs bcachefs apfs hfs ntfs ntfs3 exfat vfat tmpfs ramfs overlay squashfs "
    "nfs nfs4 cifs smb3 smbfs 9p virtiofs fuse fuseblk fuse.sshfs ceph gfs2 ecryptfs other"
)


def known(word: str, words: Collection[str]) -> str:
    """Give a word that the host told us if it is in its closed set, and ``other`` if it is not."""
    return word if word in words else OTHER
