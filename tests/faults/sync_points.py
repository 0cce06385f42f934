# SPDX-License-Identifier: Apache-2.0
"""Rows that the shim injects into the program: every file operation, every call of the network and every allocation of
one sync, one after the other, none sampled; and the clock."""

from sync_rows import row

DISK, NET, ANY = (0, 1, 7), (0, 1, 4), (0, 1, 4, 7)


@row("01", "`kill -9` at K0-K20", "the next run finishes, nothing that was acknowledged is sent again; every tag whole at "
     "any time, `latest` last")
def kills(context):
    """SIGKILL at every file operation and at every connect, send and recv"""
    for kind in ("file", "net"):
        context.sweep(kind, "KILL", (-9,))


def _is_told(name):
    """It was told to stop, and said so; unless it was so near the end that nothing was left to be stopped."""
    def judge(rig, result, is_near_the_end):
        assert result.status != 0 or is_near_the_end, f"went on after {name}: {result!r}"
        assert result.status == 0 or f"interrupted by {name}" in result.text, f"no report: {result!r}"
        rig.check_cancelled()
    return judge


@row("02", "SIGTERM, SIGINT", "the report says interrupted, exit 143 or 130 (0 only in the last tenth, when all was done); "
     "upload sessions are cancelled; the next run finishes")
def signals(context):
    """SIGTERM at the same points; SIGINT at every connect and rename"""
    for kind in ("file", "net"):
        context.sweep(kind, "TERM", (143, 0), _is_told("SIGTERM"))
    for kind in ("connect", "rename"):
        context.sweep(kind, "INT", (130, 0), _is_told("SIGINT"))


@row("22", "disk full", "the work on the other backup goes on; old files whole; exit 7 or 1; the next run finishes")
def disk_full(context):
    """ENOSPC at every write, open, mkdir, link, rename and fsync: vault, journal, locks (real full disks: row 22d)"""
    for kind in ("write", "open", "mkdir", "link", "rename", "fsync"):
        context.sweep(kind, "ENOSPC", DISK)


@row("23", "read-only, EACCES, EIO, EIO on fsync, EIO on read", "what could not be synced is thrown away and written anew; what "
     "cannot be read is said; exit 7 or 1")
def disk_broken(context):
    """EIO at every write, rename, fsync and read (safeport.yaml, journal, vault); EROFS at every open and mkdir; EACCES at
    every link"""
    for kind, action in (("write", "EIO"), ("fsync", "EIO"), ("rename", "EIO"), ("read", "EIO"), ("open", "EROFS"),
                         ("mkdir", "EROFS"), ("link", "EACCES")):
        context.sweep(kind, action, DISK)


@row("24", "EMFILE, EINTR, EAGAIN, short reads and writes, resets", "no crash; no half name; most are not even noticed")
def small_calls(context):
    """EMFILE at every open, socket, eventfd, pipe and epoll; EINTR at every open, read, write, fsync, send and recv; half of
    every read and write; half a send, EAGAIN, a reset at every call of the network (every allocation: `make torture`)"""
    for kind, action, statuses in (("open", "EMFILE", DISK), ("fd", "EMFILE", ANY), ("open", "EINTR", DISK),
                                   ("read", "EINTR", DISK), ("read", "SHORT", DISK),
                                   ("write", "EINTR", DISK), ("write", "SHORT", DISK), ("fsync", "EINTR", DISK),
                                   ("send", "EINTR", NET), ("recv", "EINTR", NET),
                                   ("send", "SHORT", NET), ("recv", "SHORT", NET), ("send", "EAGAIN", NET),
                                   ("recv", "EAGAIN", NET), ("connect", "ECONNRESET", NET), ("send", "ECONNRESET", NET),
                                   ("recv", "ECONNRESET", NET)):
        context.sweep(kind, action, statuses)


@row("24m", "ENOMEM", "no crash, no half name; out of memory is said; the next run finishes")
def allocations(context):
    """every allocation of one sync fails, one after the other"""
    context.sweep("malloc", "ENOMEM", ANY)


DAY, YEAR = 86400, 365 * 86400


@row("25", "the clock jumps by a day or ten years, forth and back, before or in the middle of a run; it is 1970",
     "the same state; no tag but the history tags knows the time")
def clocks(context):
    """the shim adds to the clock of the day, from the 1st, 2nd, 5th or 20th reading on"""
    offsets = [DAY, 10 * YEAR, -DAY, -10 * YEAR, -56 * YEAR]
    context.each("clock ", [f"{offset:+}@{first}" for first in (1, 2, 5, 20) for offset in offsets],
                 lambda text: _clock(context.rig, text))


def _clock(rig, text):
    rig.reset()
    result = rig.sync(shim={"SP_SHIM_CLOCK": text}, status=0)
    rig.check_order(rig.log())
    rig.check_new()
    result = rig.sync()
    assert result.status == 0, f"in ordinary time again: {result!r}"
    rig.check_new()
    have = rig.snapshot()
    assert (have["registry"], have["vault"], have["tags"]) == tuple(rig.done[k] for k in ("registry", "vault", "tags"))
