"""This machine.

facts            what it has: read and never changed
pci              its PCI functions
kernel_modules   what is loaded, and who holds whom
processes        those that have a file open
connections      its TCP connections
routes           its routes
namespaces       its network namespaces and the interfaces in them
apt              its packages and where they come from
rootfs           root filesystems bootstrapped from the same places
"""
