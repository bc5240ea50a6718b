"""What `./doit` starts: doit, with output and interrupts handled as users of a shell expect."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run doit with the arguments of the command line; return the exit code."""
    from tasks.runner import ownership, streams

    ownership.give_back_at_exit()
    streams.guard()  # before the import of doit, which keeps standard output as a default
    from doit.doit_cmd import DoitMain

    code = int(DoitMain().run(sys.argv[1:]) or 0)
    return streams.finish() or code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
