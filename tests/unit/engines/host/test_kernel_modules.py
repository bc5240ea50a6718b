"""engines.host.kernel_modules: what is loaded, what loading would load, and what can be unloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.host.kernel_modules import KernelModules
from tasks.engines.programs.shell import Completed

if TYPE_CHECKING:
    from pathlib import Path

# As `modprobe --show-depends` says it: options at the end of a line, dashes in the name of a file.
SHOWN = {
    "video": "insmod /lib/modules/6.8/kernel/drivers/platform/x86/wmi.ko.zst \n"
    "insmod /lib/modules/6.8/kernel/drivers/acpi/video.ko.zst brightness_switch_enabled=0\n",
    "ipmi_devintf": "insmod /lib/modules/6.8/kernel/drivers/char/ipmi/ipmi_msghandler.ko\n"
    "insmod /lib/modules/6.8/kernel/drivers/char/ipmi/ipmi-devintf.ko\n",
    "i2c_core": "builtin i2c_core\n",
}


def module(root: Path, name: str, *marks: str) -> None:
    """Add a module with the files that the kernel shows for it; one that is built in has neither mark."""
    (root / "module" / name / "holders").mkdir(parents=True)
    for mark in marks:
        (root / "module" / name / mark).write_text("0\n")


@pytest.fixture
def modules(tmp_path: Path) -> KernelModules:
    """The modules of a machine with these answers of modprobe; rmmod refuses what is called busy."""

    def run(*words: str, check: bool = True) -> Completed:
        del check
        if words[0] == "rmmod":
            return Completed(int(words[1] == "busy"), "", "")
        said = SHOWN.get(words[-1], "")
        return Completed(0 if said else 1, said, "")

    module(tmp_path, "printk")
    return KernelModules(tmp_path, run)


def test_a_kernel_without_counts_of_uses_cannot_unload(modules: KernelModules) -> None:
    assert modules.can_unload
    module(modules.sysfs, "ext4", "initstate", "refcnt")
    assert modules.can_unload
    # As on a machine with a kernel that was made without CONFIG_MODULE_UNLOAD.
    module(modules.sysfs, "nvidia", "initstate")
    assert not modules.can_unload
    assert modules.is_loaded("nvidia")
    assert not modules.is_loaded("printk")


def test_loading_says_what_it_would_load(modules: KernelModules) -> None:
    assert modules.missing("video") == ("wmi", "video")
    assert modules.missing("ipmi_devintf") == ("ipmi_msghandler", "ipmi_devintf")
    assert modules.missing("i2c_core") == ()
    assert modules.missing("printk") == ()
    assert modules.missing("unheard_of") is None
    module(modules.sysfs, "wmi", "initstate", "refcnt")
    assert modules.missing("video") == ("video",)


def test_what_is_used_stays_loaded_and_is_named(modules: KernelModules) -> None:
    for name in ("busy", "idle"):
        module(modules.sysfs, name, "initstate", "refcnt")
    assert modules.release("idle", "busy", "gone", "printk") == ("busy",)
