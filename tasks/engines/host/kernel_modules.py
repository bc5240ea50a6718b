"""Kernel modules: which are loaded, which use which, and the order in which they can be unloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.files import atomic
from tasks.engines.programs import root
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.programs.shell import Completed


@dataclass(frozen=True)
class Module:
    """A loaded kernel module.

    Attributes:
        name: Its name, with underscores.
        version: Its own version, or that of its source; empty if it states neither.
    """

    name: str
    version: str


@dataclass(frozen=True)
class KernelModules:
    """The modules of a machine's kernel.

    Attributes:
        sysfs: Where sysfs is mounted.
        run: Runs a program as root.
    """

    sysfs: Path = Path("/sys")
    run: Callable[..., Completed] = root.run

    @property
    def can_unload(self) -> bool:
        """Whether the kernel can unload modules: one that cannot keeps no reference count of any loaded module."""
        loaded = [mark.parent for mark in (self.sysfs / "module").glob("*/initstate")]
        return all((folder / "refcnt").exists() for folder in loaded)

    def is_loaded(self, name: str) -> bool:
        """Return whether a module is loaded; a built-in one has neither a state nor a reference count."""
        return any((self._folder(name) / mark).exists() for mark in ("initstate", "refcnt"))

    def is_present(self, name: str) -> bool:
        """Return whether a module is loaded, or built in with parameters."""
        return self._folder(name).is_dir()

    def unload_order(self, name: str) -> tuple[Module, ...]:
        """Return a module and all that use it, each before the modules that it uses; none if it is not loaded.

        Args:
            name: The module that the others use.
        """
        order: dict[str, None] = {}
        self._visit(name, order)
        return tuple(Module(found, self._version(found)) for found in order if self.is_loaded(found))

    def unload(self, name: str) -> None:
        """Unload a module and all that use it, in the order that the kernel's own list of holders gives.

        Raises:
            Problem: A module is in use; the message says by what.
        """
        for module in self.unload_order(name):
            done = self.run("rmmod", module.name, check=False)
            if done.returncode != 0 and self.is_loaded(module.name):
                uses = atomic.word(self._folder(module.name) / "refcnt") or "?"
                holders = ", ".join(self._holders(module.name)) or "no module"
                raise Problem(
                    f"kernel module {module.name}: cannot be unloaded: used {uses} times; held by {holders}",
                    details=done.stderr.strip(),
                    hint=f"lsmod | grep {name}; sudo fuser -v /dev/nvidia*",
                )

    def load(self, *names: str) -> None:
        """Load modules in the given order; those that are loaded already stay loaded.

        Raises:
            Problem: A module does not exist or does not fit the kernel.
        """
        for name in names:
            self.run("modprobe", name)

    def missing(self, name: str) -> tuple[str, ...] | None:
        """Return the modules that loading one would load, itself last; None if this machine has no module of that name.

        Args:
            name: Name of a module; one that is loaded or built in lacks nothing.
        """
        if self.is_present(name):
            return ()
        # Each line is `insmod /lib/modules/.../name.ko.zst options` or `builtin name`, in the order of loading.
        shown = self.run("modprobe", "--show-depends", name, check=False)
        if shown.returncode != 0:
            return None
        names = [_module_name(line.split()[1]) for line in shown.stdout.splitlines() if line.startswith("insmod ")]
        return tuple(found for found in names if not self.is_present(found))

    def release(self, *names: str) -> tuple[str, ...]:
        """Unload modules in the given order, except those that something uses by now; return these.

        Args:
            names: Names of modules; those that are not loaded need nothing.
        """
        loaded = [name for name in names if self.is_loaded(name)]
        return tuple(name for name in loaded if self.run("rmmod", name, check=False).returncode != 0)

    def _visit(self, name: str, order: dict[str, None]) -> None:
        if name in order:
            return
        for holder in self._holders(name):
            self._visit(holder, order)
        order[name] = None

    def _holders(self, name: str) -> list[str]:
        return sorted(entry.name for entry in (self._folder(name) / "holders").glob("*"))

    def _version(self, name: str) -> str:
        return atomic.word(self._folder(name) / "version") or atomic.word(self._folder(name) / "srcversion")

    def _folder(self, name: str) -> Path:
        return self.sysfs / "module" / name


def _module_name(path: str) -> str:
    """Return the name of the module in a file such as `/lib/modules/5.15.0/kernel/drivers/acpi/video.ko.zst`."""
    return Path(path).name.partition(".")[0].replace("-", "_")
