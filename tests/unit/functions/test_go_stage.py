"""tasks.functions.go_stage: which stages are compiled without an image with Go, and what is compiled."""

from __future__ import annotations

import pytest

from tasks.archive import instructions
from tasks.functions import go_stage
from tasks.functions.go_stage import Copied, Program


def programs(text: str, parent: str = "golang:1.23") -> tuple[Program, ...]:
    return go_stage.programs(parent, instructions.read(text))


def test_a_stage_that_compiles_is_what_it_copies_and_where() -> None:
    text = """
WORKDIR /src
COPY go.mod go.sum* ./
RUN --mount=type=cache,target=/go/pkg go mod download
COPY cmd cmd
ENV CGO_ENABLED=0
RUN GOOS=linux go build -trimpath -ldflags "-s -w" -o bin/a ./cmd/a && go build -o /b ./cmd/b
"""
    first = (Copied(("go.mod", "go.sum*"), "/src/"), Copied(("cmd",), "/src/cmd"))
    assert programs(text) == (
        Program(first, "/src", "./cmd/a", "/src/bin/a"),
        Program(first, "/src", "./cmd/b", "/b"),
    )


def test_without_a_folder_or_package_it_is_where_the_image_starts() -> None:
    assert programs("COPY . .\nRUN go build -o /x", "docker.io/library/golang:1.23-alpine@sha256:0") == (
        Program((Copied((".",), "/go/"),), "/go", ".", "/x"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "COPY . .\nRUN make",
        "COPY . .\nRUN apk add git && go build -o /x .",
        "COPY . .\nRUN CGO_ENABLED=1 go build -o /x .",
        "ENV GOFLAGS=-mod=vendor\nCOPY . .\nRUN go build -o /x .",
        "COPY . .\nRUN go build -tags netgo -o /x .",
        "COPY . .\nRUN go build -ldflags '-X main.v=1' -o /x .",
        "COPY . .\nRUN go build -o /bin/ ./a ./b",
        "COPY . .\nRUN go build .",
        "COPY --from=other /x /y\nRUN go build -o /x .",
        'COPY [".", "."]\nRUN go build -o /x .',
        "ADD . .\nRUN go build -o /x .",
        "RUN <<EOF\ngo build -o /x .\nEOF",
        "RUN go build -o '/x",
    ],
)
def test_a_stage_that_does_anything_else_is_built_as_it_is(text: str) -> None:
    assert programs(text) == ()


def test_another_image_is_not_compiled_here() -> None:
    assert programs("COPY . .\nRUN go build -o /x .", "mine/golang-tools:1") == ()
