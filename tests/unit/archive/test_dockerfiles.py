"""tasks.archive.dockerfiles: what Dockerfiles of the archive copy and compile, and what is made of them."""

from __future__ import annotations

import pytest

from tasks.archive import dockerfiles
from tasks.archive.dockerfiles import Copied

MANAGER = """
# Build the manager binary
FROM golang:1.23 as builder
ARG TARGETOS
WORKDIR /workspace
COPY Thing/go.mod go.mod
RUN go mod download
COPY Thing/api/ api/
COPY Other/api/v1/common_types.go api/v1/
# COPY nothing.go .
RUN CGO_ENABLED=0 GOOS=${TARGETOS:-linux} go build -a -o manager cmd/main.go
FROM gcr.io/distroless/static:nonroot
WORKDIR /
COPY --from=builder /workspace/manager .
COPY Thing/config.tmpl .
USER 65532:65532

ENTRYPOINT ["/manager"]
"""
WITH_C = """
FROM golang:1.23 as builder
WORKDIR /workspace
COPY Thing/go.mod go.mod
COPY Thing/openkasugai-hardware-drivers/ openkasugai-hardware-drivers/
WORKDIR /workspace/openkasugai-hardware-drivers/lib
Run make
WORKDIR /workspace
ENV CGO_CFLAGS_ALLOW=-mrtm
RUN go vet ./...
RUN CGO_ENABLED=1 \\
    go build -a -o manager cmd/main.go
USER 65532:65532
ENV LD_LIBRARY_PATH "/workspace/dpdk"
ENTRYPOINT ["/workspace/manager"]
"""


def test_a_program_is_what_the_build_stage_puts_together_and_compiles() -> None:
    program = dockerfiles.go_program(MANAGER)
    assert program is not None
    assert (program.module, program.package, program.output) == ("/workspace", "cmd/main.go", "/workspace/manager")
    assert not program.with_c
    assert program.copies == (
        Copied(("Thing/go.mod",), "/workspace/go.mod"),
        Copied(("Thing/api/",), "/workspace/api/"),
        Copied(("Other/api/v1/common_types.go",), "/workspace/api/v1/"),
    )


def test_the_last_stage_is_kept_on_the_chosen_base() -> None:
    program = dockerfiles.go_program(MANAGER)
    assert program is not None
    assert dockerfiles.on_base(MANAGER, program).splitlines() == [
        "ARG BASE_IMAGE",
        "FROM ${BASE_IMAGE}",
        "WORKDIR /",
        "COPY bin/manager .",
        "COPY Thing/config.tmpl .",
        "USER 65532:65532",
        'ENTRYPOINT ["/manager"]',
    ]
    assert [copied.sources for copied in dockerfiles.runtime_copies(MANAGER, program)] == [("Thing/config.tmpl",)]


def test_a_single_stage_with_c_keeps_the_place_of_its_program_and_finds_its_libraries() -> None:
    program = dockerfiles.go_program(WITH_C)
    assert program is not None
    assert program.with_c
    assert dockerfiles.on_base(WITH_C, program).splitlines()[2:] == [
        "COPY lib/ /usr/local/lib/openkasugai/",
        "ENV LD_LIBRARY_PATH=/usr/local/lib/openkasugai",
        "WORKDIR /workspace",
        "COPY bin/manager /workspace/manager",
        "USER 65532:65532",
        'ENTRYPOINT ["/workspace/manager"]',
    ]
    assert dockerfiles.runtime_copies(WITH_C, program) == []


@pytest.mark.parametrize("text", ["", "FROM x\nCOPY a b\n", "FROM x\nRUN make\n"])
def test_no_go_program(text: str) -> None:
    assert dockerfiles.go_program(text) is None


def test_only_an_argument_lets_the_base_be_chosen() -> None:
    assert dockerfiles.lets_base_be_chosen("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n")
    assert not dockerfiles.lets_base_be_chosen("# ARG BASE_IMAGE\nFROM x\nENV BASE_IMAGE=1\n")


def test_stages_without_a_name_have_their_number() -> None:
    found = dockerfiles.stages("FROM a AS one\nRUN x\nFROM b\n")
    assert [(stage.name, stage.parent) for stage in found] == [("one", "a"), ("1", "b")]


def test_without_a_program_only_what_follows_the_first_copy_is_done() -> None:
    text = (
        "FROM ubuntu:22.04\nRUN apt install -y x\nWORKDIR /opt\nCOPY src /opt/src\nWORKDIR /opt/src\nRUN chmod 755 *\n"
    )
    assert dockerfiles.on_base(text, None).splitlines()[2:] == [
        "WORKDIR /opt",
        "COPY src /opt/src",
        "WORKDIR /opt/src",
        "RUN chmod 755 *",
    ]
    assert [copied.sources for copied in dockerfiles.runtime_copies(text, None)] == [("src",)]
