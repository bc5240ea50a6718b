"""A virtual machine with an H200, as recorded: its kernel cannot unload modules; its driver is in /usr/local/nvidia."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.host.facts import Host

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION = "580.159.04"
LIBRARIES, PROGRAMS = "/usr/local/nvidia/lib64", "/usr/local/nvidia/bin"
# The same with use counts, as kernels with CONFIG_MODULE_UNLOAD show them: a program computes, or none does.
IN_USE = "nvidia_uvm 1830912 2 - Live 0x0 (O)\nnvidia 14299136 7 nvidia_uvm, Live 0x0 (O)\n"
IDLE = "nvidia_uvm 1830912 0 - Live 0x0 (O)\nnvidia 14299136 3 nvidia_uvm, Live 0x0 (O)\n"
FILES: Mapping[str, str] = {
    "/proc/driver/nvidia/version": (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (builder@)  \n"
        "GCC version:  gcc version 15.3.0 (GCC) \n"
    ),
    "/proc/modules": (
        "nvidia_uvm 1830912 - - Live 0xffffffffc080c000 (O)\nnvidia 14299136 - - Live 0xffffffffc0400000 (O)\n"
    ),
    "/sys/bus/pci/devices/0000:00:06.0/vendor": "0x10de\n",
    "/sys/bus/pci/devices/0000:00:06.0/class": "0x030200\n",
    "/dev/nvidiactl": "",
    "/dev/nvidia-uvm": "",
    f"{LIBRARIES}/libcuda.so.{VERSION}": "",
    f"{PROGRAMS}/nvidia-smi": "",
}


def host(root: Path, changes: Mapping[str, str | None] | None = None) -> Host:
    """Return the machine, recorded below a folder, with some files changed or left out."""
    for name, text in {**FILES, **(changes or {})}.items():
        if text is not None:
            file = root / name[1:]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return Host(root)
