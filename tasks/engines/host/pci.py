"""PCI functions as sysfs shows them. Unlike /sys/class/net, they look the same from every network namespace."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tasks.engines.files import atomic

SYSFS = Path("/sys")


@dataclass(frozen=True)
class Function:
    """A physical or virtual function of a PCI card.

    Attributes:
        bdf: Its address, `domain:bus:device.function`.
        identity: Vendor and device, such as `15b3:1019` (ConnectX-5).
        driver: Name of the driver bound to it, or an empty string.
        num_vfs: Number of virtual functions that are switched on; None if the function has no SR-IOV capability.
        total_vfs: Number of virtual functions that it can have; 0 without the capability.
        virtual_functions: Addresses of the virtual functions that are switched on, in order.
        physical_function: Address of the function that a virtual one belongs to, or an empty string.
    """

    bdf: str
    identity: str
    driver: str
    num_vfs: int | None
    total_vfs: int
    virtual_functions: tuple[str, ...]
    physical_function: str

    @property
    def is_passed_through(self) -> bool:
        """Whether a virtual machine or a user-space driver uses it, so that it has no network interface."""
        return self.driver.startswith("vfio")


def folder(bdf: str, sysfs: Path = SYSFS) -> Path:
    """Return the folder of a function in sysfs."""
    return sysfs / "bus" / "pci" / "devices" / bdf


def read(bdf: str, sysfs: Path = SYSFS) -> Function | None:
    """Return the function at an address, or None if there is none."""
    here = folder(bdf, sysfs)
    if not here.exists():
        return None
    numbered = ((int(link.name.removeprefix("virtfn")), _target(link)) for link in here.glob("virtfn*"))
    count = atomic.word(here / "sriov_numvfs")
    return Function(
        bdf=bdf,
        identity=f"{atomic.word(here / 'vendor').removeprefix('0x')}:{atomic.word(here / 'device').removeprefix('0x')}",
        driver=_target(here / "driver"),
        num_vfs=int(count) if count else None,
        total_vfs=int(atomic.word(here / "sriov_totalvfs") or 0),
        virtual_functions=tuple(address for _, address in sorted(numbered)),
        physical_function=_target(here / "physfn"),
    )


def expected_functions(bdf: str, count: int, sysfs: Path = SYSFS) -> tuple[str, ...]:
    """Return the addresses that a card's virtual functions will have once they are switched on.

    The PCI standard puts them at a fixed offset and stride from their card, counted in bus, device and function.

    Args:
        bdf: Address of the card.
        count: How many there will be.
        sysfs: Where sysfs is mounted.
    """
    offset, stride = (atomic.word(folder(bdf, sysfs) / f"sriov_{name}") for name in ("offset", "stride"))
    if not offset or not stride:
        return ()
    domain, bus, device, function = re.split(r"[:.]", bdf)
    first = (int(bus, 16) << 8 | int(device, 16) << 3 | int(function)) + int(offset)
    numbers = (first + place * int(stride) for place in range(count))
    return tuple(f"{domain}:{number >> 8:02x}:{number >> 3 & 0x1F:02x}.{number & 7}" for number in numbers)


def is_representor(phys_port_name: str) -> bool:
    """Return whether a port name belongs to a switchdev representor, which stands for a function on the host."""
    return re.fullmatch(r"(c\d+)?pf\d+(vf|sf)\d+", phys_port_name) is not None


def _target(link: Path) -> str:
    return link.readlink().name if link.is_symlink() else ""
