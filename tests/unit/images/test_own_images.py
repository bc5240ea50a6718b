"""tasks.images.own_images: what a function's image is made of, what it starts from, and its build context."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.archive import source as archive_source
from tasks.functions import content
from tasks.images import archive_images, harbor_images, own_images
from tasks.problems import Problem
from tasks.settings import parameters, paths
from tests.unit.engine import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.images.conftest import Docker, Go
    from tests.unit.programs import Programs

    Write = Callable[..., Path]

ON_BASE = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY square.py /\n"
PYTHON = {"Dockerfile": ON_BASE, "square.py": "print(55)"}
GO = {
    "Dockerfile": """ARG BASE_IMAGE
FROM golang:1.23 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -o /square .
FROM ${BASE_IMAGE}
COPY --from=build /square /
""",
    "go.mod": "module square",
    "main.go": "package main",
}


@pytest.fixture(autouse=True)
def _source(tree: Path, go: Go, docker: Docker, mirror: Callable[[str], None]) -> Iterator[None]:
    """The unpacked sample; its base comes from a mirror."""
    own_images.forget()
    archive_images.inputs.cache_clear()
    harbor_images.forget()
    archive_source.prepare()
    yield
    own_images.forget()
    archive_images.inputs.cache_clear()


def inputs(name: str) -> str:
    own_images.forget()
    return own_images.inputs(name, parameters.current())


def ensure(name: str) -> str:
    own_images.forget()
    return own_images.ensure(name, parameters.current())


def obstacles(name: str) -> tuple[str, ...]:
    return own_images.obstacles(name, parameters.current())


def test_an_image_is_named_by_its_files_and_their_execute_permissions_and_nothing_else(write: Write) -> None:
    folder = write("square", PYTHON)
    before = inputs("square")
    write("square", {".git/HEAD": "x", "square.py~": "x"})
    (folder / "square.py").touch()
    (folder / "square.py").chmod(0o600)
    assert inputs("square") == before
    (folder / "square.py").chmod(0o700)
    executable = inputs("square")
    write("square", {"more": ""})
    assert len({before, executable, inputs("square")}) == 3


def test_another_base_concerns_only_what_starts_from_it(
    write: Write, mirror: Callable[[str], None], choose: Callable[..., None], tmp_path: Path
) -> None:
    write("on-base", PYTHON)
    write("elsewhere", {**PYTHON, "Dockerfile": "FROM python:3.12\nCOPY square.py /\n"})
    before = inputs("on-base"), inputs("elsewhere")
    mirror("another.example")
    choose(CONTROLLER="auto", CACHE_DIR=str(tmp_path / "another"))
    after = inputs("on-base"), inputs("elsewhere")
    assert (after[0] != before[0], after[1] == before[1]) == (True, True)


def test_another_go_concerns_only_what_is_compiled(write: Write, choose: Callable[..., None]) -> None:
    write("py", PYTHON)
    write("go", GO)
    before = inputs("py"), inputs("go")
    choose(CONTROLLER="auto", GO_VERSION="1.23.1")
    assert (inputs("py") == before[0], inputs("go") != before[1]) == (True, True)


def test_the_context_is_the_folder_and_an_unchanged_one_builds_nothing(write: Write, docker: Docker) -> None:
    write("square", {**PYTHON, ".dockerignore": "secret\n", "secret": "x"})
    tag = ensure("square")
    assert tag == f"square:{inputs('square')[:12]}"
    held = {path.relative_to(docker.context(tag)).as_posix() for path in docker.context(tag).rglob("*")}
    assert held == {"Dockerfile", "square.py"}
    assert (docker.context(tag) / "Dockerfile").read_text() == ON_BASE
    assert ensure("square") == tag
    assert docker.built == [tag]
    write("square", {"square.py": "print(56)"})
    assert docker.built == [tag] != [ensure("square")]


def test_a_go_program_is_compiled_as_its_stage_does_and_needs_no_image_with_go(
    write: Write, docker: Docker, go: Go, programs: Programs
) -> None:
    write("square", GO)
    context = docker.context(ensure("square"))
    assert {path.name for path in go.source.iterdir()} == {"Dockerfile", "go.mod", "main.go"}
    (call,) = (call for call in programs.calls if call[:2] == ["go", "build"])
    assert call[-1] == "."
    assert (context / ".compiled/0/square").read_text() == "program"
    assert "FROM scratch AS build\nCOPY .compiled/0/ /\n" in (context / "Dockerfile").read_text()
    assert not list(paths.BUILD.glob("source-*"))
    assert "golang:1.23" not in docker.engine.images


def test_a_compile_error_is_the_line_of_the_file_that_is_edited(write: Write, programs: Programs) -> None:
    write("square", GO)
    words = "# square\n./main.go:3:2: undefined: y\n"
    programs.write("go", f'[ "$1" != build ] || {{ printf "{words}" >&2; exit 1; }}\necho "go version go1.22.5 x/y"\n')
    with pytest.raises(Problem) as caught:
        ensure("square")
    assert caught.value.message == "work/functions/square/main.go:3:2: undefined: y"


def test_a_base_that_cannot_be_pulled_is_named_before_anything_is_built(write: Write, docker: Docker) -> None:
    text = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE} AS one\nFROM two AS three\n"
    write("two", PYTHON)
    write("square", {"Dockerfile": f"{text}FROM host:5000/python:3.12\nCOPY --from=one / /\n"})
    docker.engine.refusals["POST /images/create"] = (404, "manifest unknown")
    with pytest.raises(Problem) as caught:
        ensure("square")
    where = "work/functions/square/Dockerfile:4: FROM host:5000/python:3.12: cannot be pulled: "
    assert caught.value.message.startswith(where)
    assert "manifest unknown" in caught.value.message
    assert docker.built == []
    docker.engine.images["host:5000/python:3.12"] = Image()
    docker.engine.refusals.clear()
    ensure("square")
    assert [tag.partition(":")[0] for tag in docker.built] == ["two", "square"]


def test_a_go_stage_that_does_more_says_what_would_need_no_image(write: Write, docker: Docker) -> None:
    write("square", {**GO, "Dockerfile": GO["Dockerfile"].replace("CGO_ENABLED=0 go build", "make && go build")})
    docker.engine.refusals["POST /images/create"] = (403, "refused")
    with pytest.raises(Problem, match=r"Dockerfile:2: FROM golang:1\.23 AS build: cannot be pulled") as caught:
        ensure("square")
    assert caught.value.hint.startswith("a stage that only copies source and runs go build -o needs no image")


def test_functions_start_from_each_other_and_from_the_controllers(write: Write, docker: Docker) -> None:
    write("cpufunc_calcapp", {**PYTHON, "Dockerfile": "FROM localhost/cpufunc_calcapp:1.0.0\nCOPY square.py /\n"})
    write("square", {"Dockerfile": "FROM cpufunc_calcapp\n"})
    tag = ensure("square")
    theirs, ours, last = docker.built
    assert [each.partition(":")[0] for each in docker.built] == ["cpufunc_calcapp", "cpufunc_calcapp", "square"]
    assert (docker.context(ours) / "Dockerfile").read_text() == f"FROM {theirs}\nCOPY square.py /\n"
    assert (docker.context(last) / "Dockerfile").read_text() == f"FROM {ours}\n"
    write("cpufunc_calcapp", {"square.py": "print(56)"})
    assert ensure("square") != tag


def test_what_starts_from_itself_or_from_what_cannot_be_built_is_said(write: Write) -> None:
    write("a", {"Dockerfile": "FROM b\n"})
    write("b", {"Dockerfile": "FROM a\n"})
    write("c", {"Dockerfile": "FROM d\n"})
    write("d", {"main.go": ""})
    write("e", {"Dockerfile": "FROM gpufunc_dsa\n"})
    assert obstacles("a") == ("work/functions/a/Dockerfile: starts from itself: a > b > a",)
    assert obstacles("c") == ("work/functions/d: has no Dockerfile",)
    assert obstacles("e") == ()
    (paths.CONTROLLER / archive_images.IMAGES["gpufunc_dsa"].folder / "Dockerfile").unlink()
    (line,) = obstacles("e")
    assert line.startswith("work/functions/e/Dockerfile: image gpufunc_dsa cannot be built: ")


def test_a_folder_that_changes_while_it_is_built_is_not_pushed_under_the_earlier_name(
    write: Write, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("square", PYTHON)
    put = content.put

    def saved_meanwhile(name: str, context: Path) -> None:
        write("square", {"square.py": "print(56)"})
        put(name, context)

    monkeypatch.setattr(content, "put", saved_meanwhile)
    with pytest.raises(Problem, match="changed while it was built"):
        ensure("square")
    assert docker.built == []


def test_pips_index_is_passed_on(write: Write, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example/simple")
    write("square", PYTHON)
    ensure("square")
    (build,) = (call for call in programs.calls if call[:3] == ["docker", "buildx", "build"])
    assert "PIP_INDEX_URL" in build


def test_the_cas_that_this_machine_trusts_are_there_to_be_copied(
    write: Write, docker: Docker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cas.pem").write_text("cas")
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "cas.pem"))
    write("square", {**PYTHON, "Dockerfile": f"{ON_BASE}COPY ca-certificates.crt /tmp/\n"})
    assert (docker.context(ensure("square")) / "ca-certificates.crt").read_text() == "cas"
    write("square", {"ca-certificates.crt": "my own"})
    assert (docker.context(ensure("square")) / "ca-certificates.crt").read_text() == "my own"
