"""What the virtual machine boots: QEMU, a Debian kernel, a small root filesystem, and this checkout.

Everything comes from the machine's own apt sources. Kernel and root filesystem are kept by content below CACHE_DIR; the
project's tree is a second archive, made anew for every run.
"""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import os
import platform
import py_compile
import shutil
import stat
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import apt
from tasks.engines.programs import shell
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

QEMU = "qemu-system-x86_64"
_QEMU_PACKAGE = "qemu-system-x86"
_FIRST_QEMU_WITH_IGB = 8
_KERNEL = "linux-image-amd64"
_PACKAGES = ("busybox-static", "iproute2", "python3-minimal", "libpython3-stdlib", "sudo", "udev")
# In the order of their dependencies, because insmod resolves none.
_MODULES = (
    "virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk",
    "crc16", "mbcache", "jbd2", "crc32c_generic", "ext4",
    "dca", "i2c-algo-bit", "igb", "igbvf",
    "veth", "llc", "stp", "garp", "mrp", "8021q", "bridge", "tls", "bonding",
)  # fmt: skip
# Parts of the packages that nothing here reads: every boot would unpack them again.
_LEFT_OUT = (
    "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/perl", "usr/share/perl5",
    "usr/lib/x86_64-linux-gnu/perl", "usr/lib/x86_64-linux-gnu/perl-base", "usr/lib/x86_64-linux-gnu/gconv",
    "lib/udev/hwdb.d", "usr/lib/udev/hwdb.d", "var/lib", "var/cache", "dev",
)  # fmt: skip
# The packages are only extracted, so no postinst compiles them; unchecked, because the archive stores no times.
_COMPILE = 'chroot "$1" /usr/bin/python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3*'


def ensure_qemu() -> None:
    """Ensure a QEMU that emulates igb; as root, install it from the distribution or its backports if need be."""
    if platform.freedesktop_os_release()["ID"] != "debian":
        pytest.skip("the kernel of the virtual machine comes from Debian's package")
    apt.install({"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs"})
    if _has_igb():
        return
    if os.geteuid() != 0:
        pytest.fail(f"{QEMU} with the igb device is missing. Try: {_QEMU_PACKAGE} 8.0 or later, which Debian 12 has in "
                    "bookworm-backports", pytrace=False)  # fmt: skip
    with _with_backports() as options:
        shell.run(["apt-get", *options, "update"])
        install = ["install", "--yes", "--no-install-recommends", *_target_release(options), _QEMU_PACKAGE]
        shell.run(["apt-get", *options, *install], env={"DEBIAN_FRONTEND": "noninteractive"})


def _has_igb() -> bool:
    return shutil.which(QEMU) is not None and '"igb"' in shell.run([QEMU, "-device", "help"]).stdout


def _target_release(options: Sequence[str]) -> list[str]:
    """Return the option that takes a package from backports if the release's own QEMU has no igb."""
    major = int(_candidate(_QEMU_PACKAGE, options).rpartition(":")[2].partition(".")[0])
    return [] if major >= _FIRST_QEMU_WITH_IGB else ["--target-release", f"{apt.suite()}-backports"]


@contextlib.contextmanager
def _with_backports() -> Iterator[list[str]]:
    """Yield options that add the backports to the machine's sources for apt; /etc/apt stays as it is."""
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    signed_by = f"[signed-by={keyring}] " if keyring.exists() else ""
    rows = [line.split(" ") for line in apt.sources(parameters.current().cache_dir)]
    backports = [[word, uri, f"{suite}-backports", part] for word, uri, suite, part in rows if suite == apt.suite()]
    lines = [f"{word} {signed_by}{' '.join(place)}\n" for word, *place in (*rows, *backports)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)  # apt downloads as its own user
        (root / "lists" / "partial").mkdir(parents=True)
        (root / "sources.list").write_text("".join(lines), encoding="utf-8")
        options = (
            "DPkg::Lock::Timeout=300", f"Dir::Etc::sourcelist={root}/sources.list", "Dir::Etc::sourceparts=/dev/null",
            f"Dir::State::lists={root}/lists", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=",
        )  # fmt: skip
        yield ["-q", *(word for option in options for word in ("-o", option))]


def boot_files(folder: Path) -> tuple[Path, Path]:
    """Return the kernel and the initial RAM disk of this checkout, which is written to a folder."""
    image = ensure_image()
    initrd = folder / "initrd"
    initrd.write_bytes((image / "root.cpio").read_bytes() + project_tree())
    return image / "kernel", initrd


def ensure_image() -> Path:
    """Return the folder with `kernel` and `root.cpio`, made once per content."""
    folder = _folder()
    if folder is None or not folder.exists():
        # The lists may name versions that the mirror no longer holds.
        shell.run(["apt-get", "-q", "update"])
        folder = _folder()
    assert folder is not None, f"apt knows no {_KERNEL}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "image"
            made.mkdir()
            _make_image(made, Path(scratch))
            made.rename(folder)
    return folder


def _folder() -> Path | None:
    kernel = _kernel()
    # The content of an image depends on the code that makes it, which is this file.
    name = hashlib.sha256(kernel.encode() + Path(__file__).read_bytes()).hexdigest()[:16]
    return parameters.current().cache_dir / "sriov-vm" / name if kernel else None


def _kernel() -> str:
    """Return the package that holds the newest kernel image, as `name=version`; empty if apt has no lists yet."""
    depends = shell.run(["apt-cache", "depends", _KERNEL], check=False).stdout.splitlines()
    name = next((line.split()[1] for line in depends if line.split()[0] == "Depends:"), "")
    return f"{name}={_candidate(name)}" if name else ""


def _candidate(package: str, options: Sequence[str] = ()) -> str:
    """Return the version of a package that apt would install."""
    return shell.run(["apt-cache", *options, "policy", package]).stdout.partition("Candidate:")[2].split()[0]


def _make_image(folder: Path, scratch: Path) -> None:
    root, unpacked = scratch / "root", scratch / "kernel"
    shell.Command(["apt-get", "-q", "download", _kernel()], cwd=scratch).run()
    shell.run(["dpkg-deb", "-x", next(scratch.glob("*.deb")), unpacked])
    packages = f"--include={','.join(_PACKAGES)}"
    compiled = f"--extract-hook={_COMPILE}"
    sources = apt.sources(parameters.current().cache_dir)
    shell.run(["mmdebstrap", "--variant=extract", packages, compiled, apt.suite(), root, *sources])
    (folder / "kernel").write_bytes(_unpacked(next((unpacked / "boot").glob("vmlinuz-*")).read_bytes()))
    modules = root / "modules"
    modules.mkdir()
    (modules / "order").write_text("".join(f"{name}\n" for name in _MODULES), encoding="utf-8")
    for name in _MODULES:
        _copy_module(next((unpacked / "lib" / "modules").rglob(f"{name}.ko*")), modules / f"{name}.ko")
    kept = (path for path in sorted(root.rglob("*")) if _is_kept(path, root))
    (folder / "root.cpio").write_bytes(cpio((path.relative_to(root), path) for path in kept))


def _unpacked(kernel: bytes) -> bytes:
    """Return the kernel inside a bzImage, which QEMU can boot directly (PVH): emulated unpacking takes seconds.

    The fields are those of Documentation/arch/x86/boot.rst. A kernel that is not packed with xz stays as it is.
    """
    setup_sectors = kernel[0x1F1]
    offset, length = struct.unpack_from("<II", kernel, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    # The last four bytes hold the unpacked size.
    payload = kernel[start : start + length - 4]
    return lzma.decompress(payload) if payload.startswith(b"\xfd7zXZ\0") else kernel


def _copy_module(source: Path, target: Path) -> None:
    packed = source.read_bytes()
    target.write_bytes(lzma.decompress(packed) if source.suffix == ".xz" else packed)


def _is_kept(path: Path, root: Path) -> bool:
    name = str(path.relative_to(root))
    return not any(name == left_out or name.startswith(f"{left_out}/") for left_out in _LEFT_OUT)


def cpio(entries: Iterable[tuple[Path, Path]]) -> bytes:
    """Return an archive in the format that the kernel unpacks as initramfs ("newc").

    Args:
        entries: Name within the archive, and the file, folder or symbolic link of this machine.
    """
    chunks: list[bytes] = []
    for number, (name, path) in enumerate(entries, start=1):
        mode = path.lstat().st_mode
        data = bytes(path.readlink()) if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else b""
        chunks += _cpio_entry(number, str(name), mode, data)
    chunks += _cpio_entry(0, "TRAILER!!!", 0, b"")
    return b"".join(chunks)


def _cpio_entry(inode: int, name: str, mode: int, data: bytes) -> list[bytes]:
    fields = (inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name.encode()) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]


def project_tree() -> bytes:
    """Return what the scenarios need of this checkout, as an archive that the kernel unpacks over the root."""
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for source in (paths.ROOT / "tasks", here / "vm"):
            for path in source.rglob("*.py"):
                _add_program(path, tree / "project" / path.relative_to(paths.ROOT))
        shutil.copy(paths.ROOT / "README.md", tree / "project")
        shutil.copy(here / "vm" / "init", tree)
        return cpio((path.relative_to(tree), path) for path in sorted(tree.rglob("*")))


def _add_program(source: Path, target: Path) -> None:
    """Copy a program and compile it here; if the image has another Python, that Python compiles it again."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    shown = f"/project/{source.relative_to(paths.ROOT)}"
    py_compile.compile(
        str(target), dfile=shown, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
