"""This machine.

facts            its hardware, kernel and settings: read and never changed
pci              its PCI functions
kernel_modules   which are loaded, and which use which
nvidia           the driver of its GPU, if that is loaded
processes        those that have a file open
connections      its TCP connections
routes           its routes
namespaces       its network namespaces and the interfaces in them
apt              its packages and where they come from
rootfs           root filesystems bootstrapped from its apt sources
"""
