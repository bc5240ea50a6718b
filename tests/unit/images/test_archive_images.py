"""tasks.images.archive_images: what an image is made of, and its build context."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tasks.images import archive_context, archive_images, building, compilers
from tasks.problems import Problem
from tasks.settings import controller, parameters, paths
from tests.threads import side_by_side
from tests.unit.engine import Image
from tests.unit.images.sources import GO_DOCKERFILE, all_inputs, changed, inputs, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines
    from tests.unit.engine import Engine
    from tests.unit.images.conftest import Docker, Go
    from tests.unit.programs import Programs

pytestmark = pytest.mark.usefixtures("source")


def ensure(name: str) -> str:
    return building.ensure_image(archive_images.wanted(archive_images.IMAGES[name], parameters.current()))


def assemble(name: str) -> Path:
    context = paths.BUILD / "context" / name
    context.mkdir(parents=True)
    archive_context.put(archive_images.IMAGES[name], parameters.current(), context)
    return context


def test_a_reference_names_registry_image_and_content() -> None:
    reference = archive_images.reference("cpufunction", parameters.current())
    assert reference == f"registry.openkasugai.lab/images/cpufunction:{inputs('cpufunction')[:12]}"


def test_another_base_concerns_all(mirror: Callable[[str], None], choose: Callable[..., None], tmp_path: Path) -> None:
    before = all_inputs()
    choose(CONTROLLER="auto", CACHE_DIR=str(tmp_path / "the same"))
    assert changed(before) == set()
    mirror("another.example")
    choose(CONTROLLER="auto", CACHE_DIR=str(tmp_path / "another"))
    assert changed(before) == set(before)


def test_the_context_of_an_operator_holds_what_its_dockerfile_copies_and_no_more(source: Path) -> None:
    context = assemble("cpufunction")
    held = {path.relative_to(context).parts[0] for path in context.rglob("*")}
    assert held == {"Dockerfile", "ca-certificates.crt", "sample_operator"}
    assert (context / "Dockerfile").read_text() == (source / "src/CPUFunction/Dockerfile").read_text()


def test_the_context_of_a_function_holds_the_compiled_program() -> None:
    context = assemble("cpufunc_calcapp")
    assert (context / "bin/calcapp").read_text() == "program"


@pytest.mark.parametrize("umask", [0o077, 0o027, 0o002])
def test_an_image_is_the_same_and_readable_for_its_user_whatever_the_umask_is(
    source: Path, docker: Docker, umask: int
) -> None:
    before = all_inputs()
    for path in source.rglob("*"):
        path.chmod((0o777 if path.is_dir() or path.stat().st_mode & 0o111 else 0o666) & ~umask)
    assert changed(before) == set()
    earlier = os.umask(umask)
    try:
        context = docker.context(ensure("cpufunction"))
    finally:
        os.umask(earlier)
    found = {path.name: path.stat().st_mode & 0o7777 for path in [context, *context.rglob("*")]}
    assert set(found.values()) == {0o644, 0o755}
    assert [found[name] for name in (context.name, "sample_operator", "names.py")] == [0o755, 0o755, 0o644]


@pytest.mark.usefixtures("go_source")
def test_a_go_that_stands_in_is_a_part_of_what_an_image_is_made_of(go: Go, docker: Docker) -> None:
    go.refuse_other_toolchains()
    before = inputs("cpufunction")
    archive_images.build("cpufunction")
    assert inputs("cpufunction") != before
    assert docker.built == [f"cpufunction:{inputs('cpufunction')[:12]}"]


def test_a_dockerfile_that_copies_what_is_not_there_is_one_line(source: Path) -> None:
    (source / "src/CPUFunction/Dockerfile").write_text("FROM x\nCOPY nothing.go /\n")
    archive_images.inputs.cache_clear()
    with pytest.raises(Problem, match=r"image cpufunction: its Dockerfile copies nothing\.go, which is not in src"):
        inputs("cpufunction")


def test_copies_from_another_stage_and_over_two_lines_are_understood(source: Path) -> None:
    dockerfile = source / "src/CPUFunction/Dockerfile"
    dockerfile.write_text(
        "FROM x AS one\nCOPY sample_operator/names.py \\\n    sample_operator/api.py /a/\nCOPY --from=one /b /\n"
    )
    copied = archive_context.copied(archive_images.IMAGES["cpufunction"])
    assert copied == ["sample_operator/names.py", "sample_operator/api.py"]


def test_a_go_component_is_compiled_from_the_tree_that_its_dockerfile_puts_together(
    go_source: Path, go: Go, programs: Programs
) -> None:
    context = assemble("cpufunction")
    (call,) = (call for call in programs.calls if call[:2] == ["go", "build"])
    assert call[-1] == "cmd/main.go"
    seen = {path.relative_to(go.source).as_posix(): path.is_symlink() for path in go.source.rglob("*.*")}
    assert seen == {"go.mod": False, "api/v1/own_types.go": False, "api/v1/shared_types.go": False}
    held = {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()}
    assert held == {"Dockerfile", "bin/manager"}
    assert not (go_source / "src/CPUFunction/bin").exists()


def test_another_go_concerns_what_is_compiled(go_source: Path, choose: Callable[..., None]) -> None:
    before = all_inputs()
    choose(GO_VERSION="1.23.1")
    functions = {file.parent.name for file in go_source.glob("sample-functions/**/go.mod")}
    assert functions >= {"cpufunc_calcapp", "cpufunc_gst", "cpufunc_sidecar"}
    assert changed(before) == {"cpufunction", *functions}


@pytest.mark.parametrize("parser", [True, False])
def test_drivers_come_from_the_submodule_and_what_they_lack_is_said(
    go_source: Path, docker: Docker, said: Lines, parser: bool
) -> None:
    text = GO_DOCKERFILE.replace("=0 go", "=1 go").replace(
        "RUN", "COPY CPUFunction/openkasugai-hardware-drivers/ openkasugai-hardware-drivers/\nRUN"
    )
    write(go_source / "src/CPUFunction/Dockerfile", text)
    drivers = go_source / controller.DRIVERS_SOURCE
    write(drivers / "lib/libfpga/src/a.c")
    if parser:
        write(drivers / controller.DRIVERS_JSON_PARSER)
    context = assemble("cpufunction")
    assert (docker.source / "openkasugai-hardware-drivers/lib/libfpga/src/a.c").is_file()
    assert docker.runs == [[docker.built[0], "cmd/main.go", "manager"]]
    assert docker.built[0].startswith("openkasugai-controller-cgo:")
    assert "COPY lib/ " in (context / "Dockerfile").read_text()
    assert any("lacks lib/JSON/parson/parson.c" in line for line in said.kept) is not parser


def test_a_dockerfile_that_starts_elsewhere_and_compiles_nothing_is_one_line(source: Path) -> None:
    write(source / "src/CPUFunction/Dockerfile", "FROM ubuntu:22.04\nRUN make\n")
    with pytest.raises(Problem, match=r"image cpufunction: controller/src/CPUFunction/Dockerfile compiles no Go"):
        assemble("cpufunction")


RECEIVER = "FROM ubuntu:22.04\nRUN apt install -y gstreamer1.0-tools\nWORKDIR /opt\n"
WRAPPED = GO_DOCKERFILE.replace("gcr.io/distroless/static:nonroot", "localhost/rcv_video_tool:1.0.0").replace(
    "golang:1.23", "localhost/rcv_video_tool:1.0.0"
)


@pytest.fixture
def video(go_source: Path) -> Path:
    """The source with a function on GStreamer, whose Dockerfile names a tag that the archive's manual never builds."""
    images = archive_images.IMAGES
    write(go_source / images["rcv_video_tool"].folder / "Dockerfile", RECEIVER)
    write(go_source / images["cpufunction"].folder / "Dockerfile", WRAPPED)
    archive_images.inputs.cache_clear()
    return go_source


def test_a_base_of_the_archive_is_its_own_image_whatever_its_tag_and_packages_are_the_distributions(
    video: Path, docker: Docker
) -> None:
    ensure("cpufunction")
    assert [tag.partition(":")[0] for tag in docker.built] == ["openkasugai-gstreamer", "rcv_video_tool", "cpufunction"]
    before = all_inputs()
    write(video / archive_images.IMAGES["rcv_video_tool"].folder / "Dockerfile", RECEIVER + "ENV A=b\n")
    assert changed(before) == {"cpufunction", "rcv_video_tool"}


def test_an_image_on_deepstream_needs_one_that_the_user_built(video: Path, engine: Engine) -> None:
    write(video / "src/CPUFunction/Dockerfile", WRAPPED.replace("rcv_video_tool", "gpu_infer_tcp"))
    image = archive_images.IMAGES["cpufunction"]
    engine.images["localhost/other:1"] = Image()
    with pytest.raises(Problem, match="image gpu_infer_tcp: neither in Docker"):
        archive_images.parent(image, parameters.current())
    engine.images["localhost/gpu_infer_tcp:1.1.0"] = Image()
    assert archive_images.parent(image, parameters.current()) == "localhost/gpu_infer_tcp:1.1.0"


def test_where_a_gpu_is_stood_in_for_an_image_on_deepstream_starts_from_the_stand_in(
    video: Path, docker: Docker, choose: Callable[..., None], said: Lines
) -> None:
    write(video / "src/CPUFunction/Dockerfile", WRAPPED.replace("rcv_video_tool", "gpu_infer_tcp"))
    docker.engine.images["localhost/gpu_infer_tcp:1.1.0"] = Image()
    before = inputs("cpufunction")
    choose(CONTROLLER="auto", EMULATE="gpu", CONTROLLER_HARDWARE="gpu")
    assert inputs("cpufunction") != before
    assert archive_images.lack_of_parent("cpufunction", parameters.current()) == ""
    archive_images.build("cpufunction")
    stand_in = "openkasugai-stand-in-gpu-infer-tcp"
    assert [tag.partition(":")[0] for tag in docker.built] == [stand_in, "cpufunction"]
    assert said.kept[-1].endswith(": on a stand-in for gpu_infer_tcp, which marks frames and infers nothing")


def test_the_samples_function_starts_from_the_stand_in_in_any_case(docker: Docker) -> None:
    ensure("gpufunc_dsa")
    assert docker.built[0].startswith("openkasugai-stand-in-gpu-infer-tcp:")
    assert archive_images.lack_of_parent("gpufunc_dsa", parameters.current()) == ""


def test_the_stand_in_shares_the_first_layer_of_the_samples_pipelines(source: Path) -> None:
    stand_in = paths.KIND / controller.DEEPSTREAM_STAND_IN / "Dockerfile"
    function = source / archive_images.IMAGES["cpufunc_gst"].folder / "Dockerfile"
    first, other = (file.read_text().partition("\nRUN ")[2].partition("mp4mux\n")[0] for file in (stand_in, function))
    assert first == other != ""


def test_an_image_on_one_that_podman_has_is_built_after_that_was_copied(
    video: Path, docker: Docker, programs: Programs, said: Lines
) -> None:
    write(video / "src/CPUFunction/Dockerfile", WRAPPED.replace("rcv_video_tool", "gpu_infer_tcp"))
    name = "localhost/gpu_infer_tcp:1.1.0"
    listed = json.dumps([{"Names": [name], "Size": 7_000_000_000_000_000}])
    programs.put("podman", listed, {f"save --format docker-archive {name}": name})
    current = parameters.current()
    assert "copying it into Docker takes 14000000.0 GB for a time; " in archive_images.lack_of_parent(
        "cpufunction", current
    )
    programs.put("podman", listed.replace("7000000000000000", "7000"), {f"save --format docker-archive {name}": name})
    assert archive_images.lack_of_parent("cpufunction", current) == ""
    assert archive_images.lack("cpufunction").reasons[0].startswith(f"image {name}: only in ")
    archive_images.build("cpufunction")
    assert docker.engine.images.keys() >= {name}
    assert docker.built[-1].startswith("cpufunction:")
    assert any(line.startswith(f"{name}: copied from ") for line in said.kept)


@pytest.mark.parametrize("name", ["openkasugai-controller-cgo", "cpufunction"])
def test_images_built_at_the_same_time_share_what_they_are_made_on(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # A context must not change while it is sent.
    monkeypatch.setenv("BUILD_SECONDS", "0.1")
    compiler = compilers.recipe("controller-cgo", parameters.current())
    ways = {
        "openkasugai-controller-cgo": lambda: building.ensure_image(compiler),
        "cpufunction": lambda: ensure("cpufunction"),
    }
    assert set(side_by_side([ways[name]] * 3)) == set(docker.built)
    assert [tag.partition(":")[0] for tag in docker.built] == [name]
    assert [entry.suffix for entry in (paths.BUILD / "context").iterdir()] == [".lock"]
