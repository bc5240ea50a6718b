"""Files of the user: those in the checkout, and the kubeconfig."""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from tasks.archive import origin, source
from tasks.doctor.finding import Finding, judged, not_asked_for
from tasks.engines.files import archives
from tasks.engines.kube import kubeconfigs
from tasks.engines.media import user_videos
from tasks.patterns import known, reviewed
from tasks.problems import Problem
from tasks.settings import paths
from tasks.settings.checks import FAILED, OK
from tasks.target import choice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.doctor.finding import Look
    from tasks.doctor.server import Server
    from tasks.patterns.known import Wrong
    from tasks.patterns.model import Pattern
    from tasks.settings.parameters.model import Parameters
    from tasks.target.interface import Target


def _archive(_: Server, p: Parameters) -> Finding:
    archive = paths.SRC / p.dci_k8s_software_tarfile
    if origin.own_folder(p):
        return _folder(p)
    if p.controller == "sample" or (p.controller == "auto" and not os.path.lexists(archive)):
        return not_asked_for("CONTROLLER", p.controller)
    needed = f"src/{archive.name} (DCI_K8S_SOFTWARE_TARFILE), a tar.gz"
    if not archive.is_file():
        found = "a folder" if archive.is_dir() else "not there"
        return Finding(FAILED, found, needed, f"cp {shlex.quote(archive.name)} src/")
    try:
        wrong = archives.fault(archive)
    except OSError as error:
        return Finding(FAILED, f"cannot be read: {error.strerror}", needed, f"ls -l {shlex.quote(str(archive))}")
    cure = f"tar --exclude .git -czf {shlex.quote(f'src/{archive.name}')} controller"
    return judged(not wrong, f"not gzip: {wrong}" if wrong else f"{archive.stat().st_size} bytes", needed, cure)


def _folder(p: Parameters) -> Finding:
    needed = "a folder with the controller's source (CONTROLLER)"
    try:
        root = origin.of(p)
        source.check(root, f"{root}/", p.controller_hardware)
    except Problem as problem:
        return Finding(FAILED, problem.message.partition("\n")[0], needed, problem.hint)
    return Finding(OK, str(root), needed)


def _videos(_: Server, p: Parameters) -> Finding:
    needed = "work/DATA/video/*.mp4 of H.264, or none: a test video is made then"
    videos = user_videos.here().find(p.video)
    found = [f"{len(videos.files)} files"] if videos.files or not videos.wrong else []
    found += [f"{wrong.name} {wrong.reason}" for wrong in videos.wrong]
    found += [f"passed over: {', '.join(videos.foreign)} (of macOS)"] if videos.foreign else []
    return judged(not videos.wrong, "; ".join(found), needed, "; ".join(wrong.cure for wrong in videos.wrong))


def _kubeconfig(_: Server, __: Parameters) -> Finding:
    needed = "a kubeconfig that kind can write a cluster's access to"
    obstacle = kubeconfigs.obstacle(kubeconfigs.target())
    if obstacle:
        return Finding(FAILED, obstacle.reason, needed, obstacle.cure)
    return Finding(OK, str(kubeconfigs.target()), needed)


def _patterns(_: Server, __: Parameters) -> Finding:
    return _reviewed([pattern for pattern in known.patterns() if pattern.is_own], known.table().wrong)


def look_at(pattern: Pattern) -> Look:
    """Return the look at the files of one pattern.

    Args:
        pattern: The pattern.
    """
    return lambda _, chosen: _of_one(pattern, choice.of(chosen))


def _of_one(pattern: Pattern, there: Target) -> Finding:
    found = _reviewed([pattern], ())
    unfit, notices = there.unfit(pattern), there.notices(pattern)
    lines = (*unfit, *([found.found] if found.state == FAILED or not unfit else []), *notices)
    return replace(found, found="\n".join(lines), state=FAILED if unfit else found.state)


def _reviewed(patterns: Sequence[Pattern], wrong: Sequence[Wrong]) -> Finding:
    complaints = [line for each in wrong for line in each.complaints]
    complaints += [line for each in patterns for line in reviewed.complaints(each)]
    found = dict.fromkeys(complaints) or [f"nothing wrong with {', '.join(each.name for each in patterns) or 'them'}"]
    return judged(not complaints, "\n".join(found), "a valid pattern.yaml, and all that it refers to")


LOOKS: Mapping[str, Look] = {
    "archive": _archive,
    "videos": _videos,
    "kubeconfig": _kubeconfig,
    "patterns": _patterns,
}
