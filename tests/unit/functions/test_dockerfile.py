"""tasks.functions.dockerfile: what stages start from, and the Dockerfile with that in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.functions import dockerfile
from tasks.functions.dockerfile import Base, Dockerfile
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE = "work/functions/x/Dockerfile"
GO = """\
ARG BASE_IMAGE
# Compiled here.
FROM golang:1.23 AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 \\
    go build -o /square .

FROM ${BASE_IMAGE}
COPY config /
COPY --chmod=0755 --from=build /square \\
    /square
"""


def read(text: str) -> Dockerfile:
    return Dockerfile(FILE, text)


def test_a_stage_that_compiles_go_needs_no_image_with_go() -> None:
    found = read(GO)
    assert found.is_on_base
    assert found.bases == ()
    assert [program.output for program in found.compiled["0"]] == ["/square"]
    assert found.with_bases({}) == GO.replace(
        "FROM golang:1.23 AS build\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 \\\n    go build -o /square .\n",
        "FROM scratch AS build\nCOPY .compiled/0/ /\n",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("--from=build /square", "--from=build /etc/passwd"),
        ("COPY config /", "COPY --from=0 /usr/local/go /go"),
        ("COPY config /", "RUN --mount=type=bind,from=build cp /x /y"),
        ("FROM ${BASE_IMAGE}", "FROM build"),
        ("go build -o /square .", "make"),
    ],
)
def test_a_stage_of_which_more_is_used_is_built_as_it_is(before: str, after: str) -> None:
    found = read(GO.replace(before, after))
    assert found.compiled == {}
    assert found.bases[0] == Base("golang:1.23", 3, "FROM golang:1.23 AS build")
    assert found.with_bases({}) == GO.replace(before, after)


def test_a_last_stage_is_never_left_out() -> None:
    assert read("FROM golang:1.23\nCOPY . .\nRUN go build -o /x .\n").compiled == {}


STAGES = """\
# syntax=docker/dockerfile:1.7
ARG PYTHON=3.12
ARG BASE_IMAGE=ubuntu:22.04
FROM --platform=linux/amd64 python:${PYTHON}-slim AS Build
RUN <<EOF
FROM inside
EOF
FROM build AS second
FROM scratch AS third
COPY --from=build /a /b
COPY --from=2 /a /b
COPY --from=square:latest \\
  /a /b
FROM localhost/cpufunc_calcapp AS app
FROM $BASE_IMAGE
COPY --from=app /calcapp /
"""


def test_the_images_from_elsewhere_are_known_with_their_lines() -> None:
    found = read(STAGES)
    assert found.bases == (
        Base("docker/dockerfile:1.7", 1, "syntax=docker/dockerfile:1.7"),
        Base("python:3.12-slim", 4, "FROM --platform=linux/amd64 python:${PYTHON}-slim AS Build"),
        Base("square:latest", 12, "COPY --from=square:latest /a /b"),
        Base("localhost/cpufunc_calcapp", 14, "FROM localhost/cpufunc_calcapp AS app"),
    )
    assert found.is_on_base


def test_what_was_built_here_is_put_in_the_place_of_its_name_and_all_else_stays() -> None:
    made = {"localhost/cpufunc_calcapp": "cpufunc_calcapp:1234", "square:latest": "square:5678"}
    assert read(STAGES).with_bases(made) == STAGES.replace(
        "FROM localhost/cpufunc_calcapp AS", "FROM cpufunc_calcapp:1234 AS"
    ).replace("--from=square:latest", "--from=square:5678")
    assert "FROM --platform=linux/amd64 mine:1 AS Build" in read(STAGES).with_bases({"python:3.12-slim": "mine:1"})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("RUN x\n", f"{FILE}: has no FROM"),
        ("FROM ${BASE_IMAGE}\n", f"{FILE}:1: FROM ${{BASE_IMAGE}}: write ARG BASE_IMAGE before the first FROM"),
        ("FROM a\nFROM $MISSING\n", f"{FILE}:2: FROM $MISSING: names no image"),
        ("FROM a AS b c\n", f"{FILE}:1: FROM a AS b c: is not FROM <image> [AS <name>]"),
    ],
)
def test_what_cannot_be_built_is_one_line(text: str, line: str) -> None:
    with pytest.raises(Problem) as caught:
        _ = read(text).stages
    assert caught.value.message == line


def test_a_dockerfile_that_is_no_text_is_one_line(write: Callable[..., Path]) -> None:
    folder = write("x", {"Dockerfile": ""})
    (folder / "Dockerfile").write_bytes(b"FROM \xff\n")
    with pytest.raises(Problem, match=f"^{FILE}: is not UTF-8: invalid start byte$"):
        dockerfile.of("x")
