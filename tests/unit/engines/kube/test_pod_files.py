"""kube.pod_exec and kube.pod_files: programs in containers, and files that arrive unchanged or not at all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tasks import progress
from tasks.engines.kube import api, pod_files
from tasks.engines.kube.pod_exec import Container
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tests.exec_server import serving
from tests.unit.conftest import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.exec_server import ExecServer

WHERE = Container("pod", "default", "app")
# Longer than a frame, not a text in any encoding, and not a multiple of the pieces.
CONTENT = hashlib.shake_128(b"a recording").digest(3_000_001)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[ExecServer, Path]]:
    with serving(tmp_path) as served:
        yield served


@pytest.fixture
def server(served: tuple[ExecServer, Path]) -> ExecServer:
    return served[0]


@pytest.fixture
def cluster(served: tuple[ExecServer, Path]) -> api.Kube:
    return api.Kube(served[1])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "-a recording.mp4"
    file.write_bytes(CONTENT)
    return file


def run(cluster: api.Kube, *argv: str, timeout: float = 20) -> str:
    return cluster.exec(Container("pod", "default", "app"), argv, timeout=timeout)


def test_a_program_says_what_it_says(cluster: api.Kube) -> None:
    assert run(cluster, "printf", "äöü 日本\n") == "äöü 日本\n"
    assert run(cluster, "true") == ""


def test_a_program_that_fails_is_one_line_with_its_words(cluster: api.Kube) -> None:
    with pytest.raises(Problem, match=r"bash in pod default/pod \(app\): exit code 3") as caught:
        run(cluster, "bash", "-c", "echo out; echo why >&2; exit 3")
    assert caught.value.details == "why"
    with pytest.raises(Problem, match="exit code 4") as caught:
        run(cluster, "bash", "-c", "echo out; exit 4")
    assert caught.value.details == "out"


@pytest.mark.parametrize("code", [0, 3])
def test_any_exit_code_and_all_that_was_printed_can_be_asked_for(cluster: api.Kube, code: int) -> None:
    ending = cluster.ending(WHERE, ["bash", "-c", f"echo out; echo why >&2; exit {code}"])
    assert (ending.code, sorted(ending.output.splitlines())) == (code, ["out", "why"])


def test_what_a_program_printed_that_did_not_end_is_kept(cluster: api.Kube) -> None:
    with pytest.raises(Problem, match=r"bash .*did not end within 1 s") as caught:
        cluster.ending(WHERE, ["bash", "-c", "echo out; exec sleep 3"], timeout=1)
    assert caught.value.details == "out"


def test_a_program_that_does_not_end_is_left(cluster: api.Kube) -> None:
    with pytest.raises(Problem, match=r"sleep .*did not end within 0 s"):
        run(cluster, "sleep", "2", timeout=0.1)


def test_a_refused_start_is_the_servers_words(server: ExecServer, cluster: api.Kube) -> None:
    server.refusal = 400, "container app is not valid for pod pod"
    with pytest.raises(Problem, match=r"cannot be started: container app is not valid for pod pod$"):
        run(cluster, "true")


def test_a_bad_moment_of_the_server_does_not_end_a_wait(server: ExecServer, cluster: api.Kube) -> None:
    server.refusal = 500, "error dialing backend"
    assert waiting.until("x", lambda: run(cluster, "echo", "x"), bool, deadline=20) == "x\n"


def test_a_broken_connection_is_one_line(server: ExecServer, cluster: api.Kube) -> None:
    server.spoil = lambda *_: None
    with pytest.raises(Problem, match=r"echo .*the connection broke") as caught:
        run(cluster, "echo", "x")
    assert "\n" not in caught.value.message


class Steps(Lines):
    """A listener that keeps the steps of actions."""

    def step(self, text: str) -> None:
        self.kept.append(text)


def test_a_file_arrives_as_it_is(server: ExecServer, cluster: api.Kube, source: Path) -> None:
    target, steps = source.parent / "copies" / "copy", Steps()
    restore = progress.listen(steps)
    pod_files.copy_out(cluster, WHERE, str(source), target)
    restore()
    assert target.read_bytes() == CONTENT
    assert [argv[0] for argv in server.ran] == ["stat", "sha256sum", "cat"]
    assert steps.kept == [f"copying {source}: {done} of 2 MiB" for done in (1, 2)]


def test_an_empty_file_arrives_too(cluster: api.Kube, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    pod_files.copy_out(cluster, WHERE, str(tmp_path / "empty"), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b""


def test_a_copy_that_broke_off_is_begun_again(
    server: ExecServer, cluster: api.Kube, source: Path, tmp_path: Path
) -> None:
    pieces = iter(range(1_000))
    server.spoil = lambda program, piece: None if program == "cat" and next(pieces) == 20 else piece
    pod_files.copy_out(cluster, WHERE, str(source), tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == CONTENT
    assert [argv[0] for argv in server.ran].count("cat") == 2


@pytest.mark.parametrize("spoilt", [b"x", b""], ids=["other bytes", "fewer bytes"])
def test_a_copy_that_differs_is_not_kept(server: ExecServer, cluster: api.Kube, source: Path, spoilt: bytes) -> None:
    server.spoil = lambda program, piece: spoilt + piece[1:] if program == "cat" else piece
    target = source.parent / "copies" / "copy"
    with pytest.raises(Problem, match=r"recording\.mp4 in pod default/pod: \d+ of 3000001 bytes arrived") as caught:
        # No longer than the wait that it is part of, which ends at once.
        waiting.until("x", lambda: pod_files.copy_out(cluster, WHERE, str(source), target), bool, deadline=0.0)
    assert "\n" not in caught.value.message
    assert [file.name for file in target.parent.iterdir()] == ["copy.lock"]


def test_a_file_that_is_not_there_is_one_line(cluster: api.Kube, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"stat .*exit code 1") as caught:
        pod_files.copy_out(cluster, WHERE, "/nowhere", tmp_path / "copies" / "copy")
    assert "/nowhere" in caught.value.details


def test_a_file_is_copied_in_as_it_is_and_only_if_it_is_not_there(
    server: ExecServer, cluster: api.Kube, source: Path
) -> None:
    target = source.parent / "in the pod" / "video.mp4"
    assert not pod_files.has(cluster, WHERE, source, str(target))
    pod_files.copy_in(cluster, WHERE, source, str(target))
    assert target.read_bytes() == CONTENT
    assert [file.name for file in target.parent.iterdir()] == ["video.mp4"]
    server.ran.clear()
    pod_files.copy_in(cluster, WHERE, source, str(target))
    assert [argv[0] for argv in server.ran] == ["sha256sum"]


def test_a_file_that_changed_here_replaces_the_one_that_was_copied_in(cluster: api.Kube, source: Path) -> None:
    target = source.parent / "video.mp4"
    target.write_bytes(b"an earlier one")
    assert not pod_files.has(cluster, WHERE, source, str(target))
    pod_files.copy_in(cluster, WHERE, source, str(target))
    assert pod_files.has(cluster, WHERE, source, str(target))


def test_a_file_that_cannot_be_written_there_is_refused_in_one_line(cluster: api.Kube, source: Path) -> None:
    source.write_bytes(b"short")
    (source.parent / "no folder").write_text("", encoding="utf-8")
    with pytest.raises(Problem, match=r"sh in pod default/pod \(app\): exit code \d+") as caught:
        pod_files.copy_in(cluster, WHERE, source, str(source.parent / "no folder" / "video.mp4"))
    assert "\n" not in caught.value.message
