"""Runs go in a folder, with the pinned toolchain and the tool's own caches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.go import memory
from tasks.engines.go import toolchain as go_toolchain
from tasks.engines.programs import shell

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.go.settings import GoSettings


def run(folder: Path, settings: GoSettings, *arguments: str, **variables: str) -> str:
    """Run go and return what it printed.

    Args:
        folder: Where it runs.
        settings: Which Go runs.
        arguments: The arguments of go.
        variables: Variables that differ from those of every other go command.

    Raises:
        Problem: It failed; the details hold its last lines.
    """
    return _command(folder, settings, arguments, variables).run(live=True).stdout


def attempt(folder: Path, settings: GoSettings, *arguments: str, **variables: str) -> shell.Completed:
    """Run go and return what it printed, and its exit code, which is not checked.

    Args:
        folder: Where it runs.
        settings: Which Go runs.
        arguments: The arguments of go.
        variables: Variables that differ from those of every other go command.
    """
    return _command(folder, settings, arguments, variables).run(check=False, live=True)


def _command(
    folder: Path, settings: GoSettings, arguments: tuple[str, ...], variables: dict[str, str]
) -> shell.Command:
    executable, toolchain = go_toolchain.choose(settings)
    env = {**go_toolchain.environment(settings), **memory.variables(), "GOTOOLCHAIN": toolchain, **variables}
    return shell.Command([executable, *arguments], env, cwd=folder)
