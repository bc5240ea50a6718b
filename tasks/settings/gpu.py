"""What lending the GPU involves: the modules and services of the NVIDIA driver, on the host and in a node."""

from __future__ import annotations

from pathlib import Path

# Belongs to the machine, as the GPU does, not to a checkout or user: it must survive a reboot and a `clean`.
LEDGERS = Path("/var/lib/openkasugai-all-in-one/gpu")

# What its node's name adds to CLUSTER_NAME.
NODE_SUFFIX = "worker"

NVIDIA = "10de"
# PCI class of display controllers, including GPUs without a monitor.
DISPLAY = "03"
# Device files of the driver and of the modules built on it; those of displays (/dev/dri) are found through the GPU.
DEVICE_FILES = ("/dev/nvidia*", "/dev/gdrdrv")

# Every other module of the driver, and everything built on it (gdrdrv, nvidia_fs, ...), keeps this one in use.
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

# In the node image with the driver. Its modules are not in /lib/modules, because kind mounts the host's folder there.
NODE_MODULES = "/opt/nvidia"
NODE_LOADS = ("nvidia", "nvidia_uvm")
# For displays. Some programs look for it, but computing does not need it, so a kernel without it is no obstacle.
NODE_EXTRAS = ("nvidia_modeset",)
# The services do not start before it is there.
CONTROL_FILE = "/dev/nvidiactl"
NODE_SERVICES = ("nvidia-persistenced.service", "nvidia-mps.service", "nvidia-dcgm.service")

# With GPU=share, the driver is the host's, whose folders the node sees here, read-only. They may be system folders, so
# they are not mounted over the node's.
SHARED_LIBRARIES = "/opt/nvidia-host/lib"
SHARED_PROGRAMS = "/opt/nvidia-host/bin"
SHARED_SERVICE = "nvidia-share.service"
MPS_SERVICE = "nvidia-mps.service"
# In the node: when the container started in which the GPU was seen to work.
SHARED_MARK = "/etc/openkasugai/shared-gpu"

# Seconds that a process has to end after it was asked to (then it is killed), and the driver to make a device file.
END_DEADLINE = 10.0
