"""The functions with which doctor's checks look at the machine."""

from tasks.doctor import existing, files, hardware, machine, network, packages, versions

# By the name of the check.
LOOKS = {
    **machine.LOOKS,
    **network.LOOKS,
    **hardware.LOOKS,
    **files.LOOKS,
    **packages.LOOKS,
    **versions.LOOKS,
    **existing.LOOKS,
}
