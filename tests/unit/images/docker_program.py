"""The docker command of unit tests, run by its stub on PATH: it keeps what it is given to build and to compile.

The first argument is the folder where it keeps that: contexts by tag, and in `source` what was compiled last.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlencode


class _Connection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))


def _values(option: str, words: list[str]) -> list[str]:
    return [value for word, value in itertools.pairwise(words) if word == option]


def _build(kept: Path, words: list[str]) -> None:
    """Keep a context as it is once it has been sent, and create an image with the labels in the engine."""
    (tag,), context = _values("--tag", words), Path(words[-1])
    time.sleep(float(os.environ.get("BUILD_SECONDS", "0")))
    shutil.rmtree(kept / tag, ignore_errors=True)
    shutil.copytree(context, kept / tag, symlinks=True)
    (kept / tag / "Dockerfile").stat()
    labels = (label.partition("=") for label in _values("--label", words))
    changes = "".join(f"LABEL {json.dumps(key)}={json.dumps(value)}\n" for key, _, value in labels)
    _create(tag, changes)


def _load() -> None:
    """Create an image in the engine; in place of an archive, its name is read."""
    _create(sys.stdin.read().strip(), "")


def _create(tag: str, changes: str) -> None:
    repository, _, version = tag.rpartition(":")
    connection = _Connection("localhost")
    query = urlencode({"fromSrc": "-", "repo": repository, "tag": version, "changes": changes})
    connection.request("POST", f"/images/create?{query}")
    assert connection.getresponse().status == 200


def _run(kept: Path, words: list[str]) -> None:
    """Compile programs as the compilers' images do."""
    places = {place: Path(folder) for folder, place, *_ in (value.split(":") for value in _values("--volume", words))}
    shutil.rmtree(kept / "source", ignore_errors=True)
    shutil.copytree(places["/source"], kept / "source", symlinks=True)
    names = _compiled(words)[2::2]
    (places["/output"] / "bin").mkdir()
    for program in (*names, "pinns") if "crio" in names else names:
        (places["/output"] / "bin" / program).write_text(program, encoding="utf-8")


def _compiled(words: list[str]) -> list[str]:
    """Return the image, and the packages and programs that it compiles."""
    last = max(index for index, word in enumerate(words) if word.startswith("--"))
    return words[last + 2 :]


def main(folder: str, *words: str) -> None:
    """Carry out a docker command."""
    if words[0] == "run":
        _run(Path(folder), list(words))
    elif words[:2] == ("buildx", "build"):
        _build(Path(folder), list(words))
    elif words == ("load",):
        _load()
    elif words != ("buildx", "version"):
        sys.exit(f"the docker command of unit tests does not know {words}")


if __name__ == "__main__":
    main(*sys.argv[1:])
