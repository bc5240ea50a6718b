"""Signals that end a run: every wait is woken, and every program that was started is known."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Gate:
    """Whether the main thread may be interrupted now, and the signal that has interrupted it."""

    closed = 0
    signal: signal.Signals | None = None
    pending = False
    main: int | None = None
    reader_gone = False


_gate = _Gate()


def catch() -> Callable[[], None]:
    """End the main thread with `SystemExit(128 + n)` at the first signal n of INT, TERM, HUP; ignore further ones.

    A signal that is ignored already stays ignored, also in programs that are started: `nohup` ignores HUP, and a shell
    without job control ignores INT for background commands.

    Returns:
        A function that restores the earlier handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    with contextlib.ExitStack() as stack:
        _gate.signal, _gate.pending, _gate.reader_gone = None, False, False
        for number in (number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN):
            stack.callback(partial(signal.signal, number, signal.signal(number, _stop)))
        # Undone first, so that a signal that is forwarded late still finds its handler.
        stack.callback(_start_waking(threading.get_ident()))
        _gate.main = threading.get_ident()
        stack.callback(_forget_main)
        return stack.pop_all().close


def reader_is_gone() -> None:
    """End the run in order, as if by the signal PIPE, because the reader of this process's output is gone.

    Python ignores the signal itself, and this does not change: a socket whose other end is closed raises it too.

    Raises:
        SystemExit: This is the main thread, and no signal has ended the run yet.
    """
    if threading.current_thread() is threading.main_thread():
        _stop(signal.SIGPIPE, None)
    elif _gate.main is not None and _gate.signal is None:
        _gate.reader_gone = True
        # Any signal that is caught wakes the main thread.
        signal.pthread_kill(_gate.main, next(number for number in _SIGNALS if signal.getsignal(number) is _stop))


def caught() -> str:
    """Return the name of the signal that ends this run, or an empty string."""
    return _gate.signal.name if _gate.signal else ""


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Defer signals to the end of the block, which starts and registers something that has to be stopped later.

    Raises:
        SystemExit: A signal has ended the run, so this thread must not start anything.
    """
    if threading.current_thread() is not threading.main_thread():
        if _gate.signal:
            raise SystemExit(128 + _gate.signal)
        yield
        return
    _gate.closed += 1
    try:
        yield
    finally:
        _gate.closed -= 1
    if _gate.pending and not _gate.closed:
        _leave()


def _stop(number: int, _frame: FrameType | None) -> None:
    if _gate.signal is None:
        _gate.signal, _gate.pending = signal.SIGPIPE if _gate.reader_gone else signal.Signals(number), True
        if not _gate.closed:
            _leave()


def _forget_main() -> None:
    _gate.main = None


def _leave() -> None:
    _gate.pending = False
    raise SystemExit(128 + (_gate.signal or 0))


def _start_waking(main: int) -> Callable[[], None]:
    """Wake the main thread at every signal.

    The kernel may deliver a signal to any thread. Python then runs the handler in the main thread, but only once that
    thread has returned from waiting for a lock or a child.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    earlier = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def forward() -> None:
        seen: set[int] = set()
        with open(reading, "rb", buffering=0) as signals:  # noqa: PTH123 - a descriptor, not a path
            while data := signals.read(1):
                if data[0] not in seen:
                    seen.add(data[0])
                    signal.pthread_kill(main, data[0])

    thread = threading.Thread(target=forward, daemon=True)
    thread.start()

    def end() -> None:
        signal.set_wakeup_fd(earlier)
        os.close(writing)
        thread.join()

    return end
