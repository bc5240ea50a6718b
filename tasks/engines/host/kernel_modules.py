"""Kernel modules: what is loaded, who holds whom, and the order in which they can go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tasks.engines.files import atomic
from tasks.engines.programs import root
from tasks.problems import Problem

SYSFS = Path("/sys")


@dataclass(frozen=True)
class Module:
    """A loaded kernel module.

    Attributes:
        name: Its name, with underscores.
        version: Its own version, or that of its source; empty where it tells neither.
    """

    name: str
    version: str


def is_loaded(name: str) -> bool:
    """Return whether a module is loaded. One that is built in has no count of users, and cannot be unloaded."""
    return (_folder(name) / "refcnt").exists()


def unload_order(name: str) -> tuple[Module, ...]:
    """Return a module and all that hold it, each before those that it holds; nothing where it is not loaded.

    Args:
        name: The module that everything is built on.
    """
    order: dict[str, None] = {}
    _visit(name, order)
    return tuple(Module(found, _version(found)) for found in order if is_loaded(found))


def unload(name: str) -> None:
    """Unload a module and what holds it, in the order that the kernel's own book of holders gives.

    Raises:
        Problem: One is in use; the message says by what.
    """
    for module in unload_order(name):
        done = root.run("rmmod", module.name, check=False)
        if done.returncode != 0 and is_loaded(module.name):
            uses = atomic.word(_folder(module.name) / "refcnt") or "?"
            holders = ", ".join(_holders(module.name)) or "no module"
            raise Problem(
                f"kernel module {module.name}: cannot be unloaded: used {uses} times; held by {holders}",
                details=done.stderr.strip(),
                hint=f"lsmod | grep {name}; sudo fuser -v /dev/nvidia*",
            )


def load(*names: str) -> None:
    """Load modules in this order; those that are loaded already stay.

    Raises:
        Problem: One is not there or does not fit the kernel.
    """
    for name in names:
        root.run("modprobe", name)


def _visit(name: str, order: dict[str, None]) -> None:
    if name in order:
        return
    for holder in _holders(name):
        _visit(holder, order)
    order[name] = None


def _holders(name: str) -> list[str]:
    return sorted(entry.name for entry in (_folder(name) / "holders").glob("*"))


def _version(name: str) -> str:
    return atomic.word(_folder(name) / "version") or atomic.word(_folder(name) / "srcversion")


def _folder(name: str) -> Path:
    return SYSFS / "module" / name
