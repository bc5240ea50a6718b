"""What lending the GPU means: the modules and services of the NVIDIA driver, on the host and in a node."""

from __future__ import annotations

from pathlib import Path

# Of the machine, not of a checkout or user: the GPU is, and what was lent must survive a reboot and a `clean`.
LEDGERS = Path("/var/lib/openkasugai-all-in-one/gpu")

# What its node's name adds to CLUSTER_NAME.
NODE_SUFFIX = "worker"

NVIDIA = "10de"
# PCI class of display controllers, a GPU without a monitor among them.
DISPLAY = "03"
# Of the driver and of the modules built on it; those of its displays (/dev/dri) are known by the GPU.
DEVICE_FILES = ("/dev/nvidia*", "/dev/gdrdrv")

# Every other module of the driver, and whatever else is built on it (gdrdrv, nvidia_fs, ...), holds this one.
MODULE = "nvidia"

# Services of the host that keep the driver in use, in the order in which they are stopped.
HOST_SERVICES = (
    "dcgm-exporter.service",
    "nvidia-dcgm.service",
    "dcgm.service",
    "nvidia-mps.service",
    "nvidia-cuda-mps.service",
    "nvidia-fabricmanager.service",
    "nvidia-persistenced.service",
)

# Of the node image with the driver. Its modules are not in /lib/modules: kind binds the host's folder over that.
NODE_MODULES = "/opt/nvidia"
NODE_LOADS = ("nvidia", "nvidia_modeset", "nvidia_uvm")
NODE_SERVICES = ("nvidia-persistenced.service", "nvidia-mps.service", "nvidia-dcgm.service")

# Seconds in which a process that was asked to end has to do so, before it is killed.
END_DEADLINE = 10.0
