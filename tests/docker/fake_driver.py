"""A stand-in for a host's NVIDIA driver: libraries that only answer the questions of nvidia-ctk, and no GPU."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from tasks.engines.docker import client

VERSION = "580.159.04"
UUID = "GPU-00000000-1111-2222-3333-444444444444"
MODEL = "NVIDIA H200"
# Beside the library that answers, a host has others, and system folders have what is not the driver's at all.
_LIBRARIES = ("cuda", "nvcuvid", "nvidia-encode", "nvidia-ptxjitcompiler")
_FOREIGN = "libc.so.6"
_HERE = Path(__file__).parent / "nvidia"
# The kernel of this machine has no such driver, so the node is told its version in a file system of its own.
PROC = f"""
mount -t tmpfs none /proc/driver
mkdir /proc/driver/nvidia
echo "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {VERSION}  Release Build  (builder@)  " \\
    > /proc/driver/nvidia/version
while read -r name major minor; do
    [ -e "/dev/$name" ] || mknod -m 666 "/dev/$name" c "$major" "$minor"
done <<END
nvidia0 195 0
nvidiactl 195 255
nvidia-uvm 238 0
END
"""


def put(folder: Path, compiler: str) -> None:
    """Write the folders `lib` and `bin` of the driver into a folder.

    Args:
        folder: An empty folder.
        compiler: An image with gcc.
    """
    for name in ("lib", "bin"):
        (folder / name).mkdir()
    shutil.copy(_HERE / "nvml.c", folder)
    facts = [f'-D{name}="{value}"' for name, value in {"VERSION": VERSION, "UUID": UUID, "MODEL": MODEL}.items()]
    commands = [_compile("nvidia-ml", "/made/nvml.c", *facts), *(_compile(name, "/dev/null") for name in _LIBRARIES)]
    client.client().containers.run(
        compiler,
        ["-euc", "\n".join(commands)],
        entrypoint="/bin/sh",
        remove=True,
        network_mode="none",
        volumes=[f"{folder}:/made"],
    )
    (folder / "lib" / _FOREIGN).write_text("not the node's", encoding="utf-8")
    shutil.copy(_HERE / "nvidia-smi", folder / "bin")


def _compile(name: str, source: str, *words: str) -> str:
    output = f"/made/lib/lib{name}.so.{VERSION}"
    return shlex.join(
        ["gcc", "-shared", "-fPIC", f"-Wl,-soname,lib{name}.so.1", *words, "-x", "c", "-o", output, source]
    )
