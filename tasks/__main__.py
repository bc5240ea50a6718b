"""What `./doit` starts: doit, with output and interrupts handled as users of a shell expect."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# How many new objects make Python look for garbage.
_OBJECTS = 20_000


@contextmanager
def _without_plugins() -> Iterator[None]:
    """Let doit find no plugins in installed packages, where there are none: importing what looks for them takes long.

    Whoever imports that module afterwards gets the real one.
    """
    name = "importlib.metadata"
    stand_in = ModuleType(name)
    stand_in.__dict__["entry_points"] = lambda **_: ()
    before = sys.modules.get(name)
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del sys.modules[name]
        sys.modules.update({name: before} if before else {})


def main() -> int:
    """Run doit with the arguments of the command line; return the exit code."""
    from tasks.runner import ownership, streams

    # Most of what is made while modules are imported stays: looking for garbage there takes a tenth of a short run.
    gc.set_threshold(_OBJECTS)
    # As for doit, no package has plugins of pydantic.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    ownership.give_back_at_exit()
    streams.guard()  # before the import of doit, which keeps standard output as a default
    with _without_plugins():
        from doit.doit_cmd import DoitMain

    code = int(DoitMain().run(sys.argv[1:]) or 0)
    return streams.finish() or code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
