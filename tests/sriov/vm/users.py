"""Users of the machine: who can become root, who is refused, and who may read."""

from __future__ import annotations

import fcntl
import os
import signal
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.files import ledgers
from tasks.engines.programs import interrupts
from tasks.nics import cards as nics_cards
from tasks.nics import ledger as nics_ledger
from tasks.nics.lending import lend_to
from tasks.nics.machine import Machine
from tasks.nics.restoring import give_back
from tasks.problems import Problem
from tasks.settings.nics import LEDGERS, UDEV_RULES
from tests.sriov.vm.world import (
    CLUSTER,
    LEFT,
    STRANGER,
    TRUSTED,
    assert_lent,
    assert_same,
    container,
    dress,
    lend,
    snapshot,
    undress,
    until,
    wish,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.nics.wish import Wish


def user_reaches_root_through_sudo() -> None:
    """Everything but the helper runs as the user, who may use sudo."""
    dress()
    before = snapshot(LEFT)
    asked = wish()
    with container() as node:
        assert as_user(TRUSTED, lambda: lend_to(asked, (), Machine({asked.node: node}))) == ""
        assert_lent(node, asked)
        assert as_user(TRUSTED, lambda: give_back(CLUSTER)) == ""
    assert_same(before, LEFT)
    undress()


def user_without_sudo_is_refused() -> None:
    before = snapshot(LEFT)
    asked = wish()
    with container() as node:
        line = as_user(STRANGER, lambda: lend_to(asked, (), Machine({asked.node: node})))
    assert "sudo was refused" in line, line
    assert "\n" not in line
    assert_same(before, LEFT)
    undress()


def run_that_is_stopped_waits_for_root() -> None:
    """A user may not signal a program that sudo runs: the run waits for it, and no other run begins meanwhile."""
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        reader, run = started_as_user(TRUSTED, lambda: give_back(CLUSTER))
        # The lock is held here so that root's part does not end before the run is stopped.
        with (LEDGERS / ".lock").open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            (LEDGERS / "go").touch()
            helper = until(helper_process, "root's part has begun")
            until(lambda: ignores(helper, signal.SIGTERM), "it has begun its work")
            os.kill(run, signal.SIGTERM)
            os.kill(helper, signal.SIGTERM)
            until(lambda: not pending(run), "the signal arrived")
            assert os.waitpid(run, os.WNOHANG) == (0, 0), "the run left root alone"
            assert Path(f"/proc/{helper}").exists()
        assert os.waitstatus_to_exitcode(os.waitpid(run, 0)[1]) == 143
        with os.fdopen(reader, encoding="utf-8") as pipe:
            assert pipe.read() == ""
        assert not helper_process()
        (LEDGERS / "go").unlink()
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def helper_process() -> int:
    """Return the process ID of root's part of the tool, or 0 if it is not running."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"tasks.engines.nic_root" in words and not words[0].endswith(b"sudo"):
                return int(entry.name)
    return 0


def pending(process: int) -> bool:
    return bool(signals(process, "SigPnd") | signals(process, "ShdPnd"))


def ignores(process: int, number: signal.Signals) -> bool:
    return bool(signals(process, "SigIgn") >> (number - 1) & 1)


def signals(process: int, kind: str) -> int:
    """Return a set of signals of a process, as its status shows it."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.partition(f"{kind}:")[2].split()[0], 16)


def started_as_user(number: int, action: Callable[[], object]) -> tuple[int, int]:
    """Start an action as a user, stoppable by signals like a run; return the pipe with its traceback, and its ID."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        os.setgroups([])
        os.setgid(number)
        os.setuid(number)
        interrupts.catch()
        try:
            until((LEDGERS / "go").exists, "the word to go")
            action()
        except SystemExit as end:
            code = int(str(end.code))
        except BaseException:  # noqa: BLE001 - whatever ends it is its result
            os.write(writer, traceback.format_exc().encode())
        os._exit(code)
    os.close(writer)
    return reader, child


def everybody_reads_what_is_lent() -> None:
    """This holds for any umask of the lending user, also if folders of an earlier version kept their modes."""
    before = snapshot(LEFT)
    asked = wish()
    LEDGERS.mkdir(exist_ok=True)
    for folder in (LEDGERS, LEDGERS.parent):
        folder.chmod(0o700)
    os.umask(0o077)
    with container() as node:
        assert as_user(TRUSTED, lambda: lend_alone(asked, node)) == ""
        rule = next(UDEV_RULES.glob("*openkasugai*"))
        places = (LEDGERS.parent, LEDGERS, nics_ledger.path(CLUSTER), LEDGERS / ".run.lock", LEDGERS / ".lock", rule)
        modes = {str(place): oct(place.stat().st_mode & 0o777) for place in places}
        assert set(modes.values()) == {"0o755", "0o644"}, modes
        assert as_user(STRANGER, lambda: assert_read(nics_ledger.path(CLUSTER))) == ""
        assert as_user(TRUSTED, lambda: nics_cards.restore(CLUSTER)) == ""
    assert_same(before, LEFT)
    undress()


def lend_alone(asked: Wish, node: int) -> None:
    with ledgers.alone(LEDGERS):
        lend_to(asked, (), Machine({asked.node: node}))


def assert_read(ledger: Path) -> None:
    assert nics_ledger.load(ledger.stem) is not None


def as_user(number: int, action: Callable[[], object]) -> str:
    """Run an action as a user in its own process; return the error that ended it, or an empty string."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(number)
        os.setuid(number)
        os.write(writer, _ending_of(action).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        line = pipe.read()
    os.waitpid(child, 0)
    return line


def _ending_of(action: Callable[[], object]) -> str:
    try:
        action()
    except Problem as problem:
        return problem.message
    except BaseException:  # noqa: BLE001 - whatever ends it is its result
        return traceback.format_exc()
    return ""
