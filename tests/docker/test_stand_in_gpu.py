"""The stand-in for gpu_infer_tcp, really built: videos go through the pipeline of gpufunc_dsa and come out marked.

The sample's function and one that is made as the archive's are built on it. Its pipeline is that of DeepStream.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import pytest

from tasks.docker_engine import service
from tasks.engines.docker import client
from tasks.engines.docker import images as docker_images
from tasks.engines.media import marks, video
from tasks.images import archive_images, base, building, compilers
from tasks.patterns.checks import PlayedVideo
from tasks.settings import controller, parameters, paths
from tasks.settings.parameters import layers
from tasks.settings.video import WHOLE_FRAMES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters

NAME = "gpufunc_dsa"
ON_CPU = "stand-in of gpu_infer_tcp: decoder openh264dec on the CPU"
# Of the user's kind: frames that refer to later ones, in several slices. Each is sent in one burst, of which a socket's
# buffer has to hold several on a busy machine, so none is larger than some 40 kB.
SLICED = {"profile": "high", "bf": "2", "slices": "4", "g": "10", "crf": "42"}

# As in a pod: the wrapper runs the configuration that the sidecar has written.
# The words: the port to which videos are sent, and their names.
SCRIPT = f"""
set -eu -o pipefail
listens() {{ grep -qi ":$(printf %04X "$1") " /proc/net/udp /proc/net/udp6; }}
wait_until() {{ for _ in $(seq 200); do "$@" && return; sleep 0.1; done; echo "$* has not come" >&2; exit 1; }}
# On a busy machine, frames come late.
is_quiet() {{ local size; size=$(stat -c %s "$1"); sleep 3; [ "$size" = "$(stat -c %s "$1")" ]; }}
mkdir -p /config; cp /out/config.* /config/; cd /
/wrapper >/out/log 2>&1 &
wait_until listens 5678
port=$1; shift
for name; do
  /usr/bin/gst-launch-1.0 -e udpsrc port=5679 \\
    ! application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96 ! rtph264depay ! h264parse \\
    ! mp4mux ! filesink location="/out/received-$name" >/out/recorder.log 2>&1 &
  recorder=$!
  wait_until listens 5679
  /usr/bin/gst-launch-1.0 -q filesrc location="/out/$name" ! qtdemux ! h264parse config-interval=-1 ! {WHOLE_FRAMES} \\
    ! rtph264pay seqnum-offset=1 ! udpsink host=127.0.0.1 port="$port"
  wait_until is_quiet "/out/received-$name"
  kill -INT "$recorder"; wait "$recorder"
done
cp /stand-in /decoder /out/ || true
"""

# What the archive has in this folder, as small as can be: its wrapper reads YAML, and a shell runs its pipeline.
DOCKERFILE = f"""FROM localhost/{controller.DEEPSTREAM}:1.0.0 as builder
WORKDIR /workspace
COPY go.mod go.mod
COPY main.go main.go
RUN go build -a -o wrapper main.go

FROM localhost/{controller.DEEPSTREAM}:1.0.0
WORKDIR /
COPY --from=builder /workspace/wrapper .
COPY config-dsa.yaml.tmpl .
"""
WRAPPER = """package main

import (
	"os"
	"strings"
	"syscall"
)

func main() {
	text, err := os.ReadFile("/config/config.yaml")
	if err != nil {
		panic(err)
	}
	command := strings.Split(strings.TrimSpace(strings.TrimPrefix(string(text), "command:\\n- ")), "\\n- ")
	panic(syscall.Exec(command[0], command, os.Environ()))
}
"""
PIPELINE = """command:
- /bin/bash
- -c
- cd /opt/DeepStream-Yolo && gst-launch-1.0 -ev udpsrc port=5678 ! application/x-rtp, media=video, encoding-name=H264, \
clock-rate=90000, payload=96 ! rtph264depay ! h264parse ! avdec_h264 ! nvvideoconvert ! 'video/x-raw(memory:NVMM), \
format=(string)RGBA' ! m.sink_0 nvstreammux name=m batch-size=1 width=${WIDTH} height=${HEIGHT} ! queue ! nvinfer \
config-file-path=./a.txt model-engine-file=./b.engine ! queue ! nvdsosd process-mode=1 ! nvvideoconvert ! \
'video/x-raw, format=(string)I420' ! videoconvert ! queue ! perf ! openh264enc ! rtph264pay ! udpsink \
host={{index .ips 0}} port={{(index .ports 0).port}} sync=false
"""


def sample(source: Path) -> None:
    shutil.copytree(paths.SAMPLE, source, symlinks=True)


def archive(source: Path) -> None:
    folder = source / archive_images.IMAGES[NAME].folder
    folder.mkdir(parents=True)
    files = {"Dockerfile": DOCKERFILE, "main.go": WRAPPER, "go.mod": "module wrapper\n\ngo 1.22\n"}
    for name, text in {**files, "config-dsa.yaml.tmpl": PIPELINE}.items():
        (folder / name).write_text(text)


@dataclass(frozen=True)
class Function:
    """The built image of gpufunc_dsa, and a folder that its containers see as /out."""

    image: str
    out: Path

    def run(self, *words: str, before: str = "") -> None:
        """Run the function in a container, and send and record in the same."""
        client.client().containers.run(
            self.image,
            ["bash", "-c", before + SCRIPT, "-", *words],
            remove=True,
            network_mode="none",
            environment={"WIDTH": "1280", "HEIGHT": "1280"},
            volumes={str(self.out): {"bind": "/out", "mode": "rw"}},
        )

    def text(self, name: str) -> str:
        return (self.out / name).read_text()


@pytest.fixture(scope="module", params=[sample, archive], ids=["sample", "archive"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The image, and the source that it is built from."""
    service.ensure()
    # The sample's function starts from the stand-in in any case.
    stood_in = {"EMULATE": "gpu", "CONTROLLER_HARDWARE": "gpu"} if request.param is archive else {}
    chosen: Parameters = parameters.validated(layers.read(paths.ROOT, {"PROFILE": "lab", **stood_in}))
    source = tmp_path_factory.mktemp("source") / controller.TOP
    request.param(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CONTROLLER", source)
        patch.setattr(paths, "BUILD", tmp_path_factory.mktemp("build"))
        if base.lack():
            base.build()
        archive_images.inputs.cache_clear()
        image = archive_images.IMAGES[NAME]
        tag = building.ensure_image(archive_images.wanted(image, chosen))
        yield tag, source / image.folder
        for made in (tag, compilers.recipe(controller.DEEPSTREAM_STAND_IN, chosen).tag):
            docker_images.remove(made)
    archive_images.inputs.cache_clear()


@pytest.fixture
def function(built: tuple[str, Path], tmp_path: Path) -> Function:
    """The function with its configuration, as the sidecar fills in the template, and two videos."""
    image, folder = built
    (template,) = folder.glob("config-dsa.*.tmpl")
    text = template.read_text().removeprefix("{{if .ips}}").partition("{{else}}")[0]
    text = text.replace("{{index .ips 0}}", "127.0.0.1").replace("{{(index .ports 0).port}}", "5679")
    (tmp_path / template.name.removesuffix(".tmpl").replace("-dsa", "")).write_text(text)
    video.make(tmp_path / "test.mp4", 3.0)
    make_sliced(tmp_path / "sliced.mp4")
    return Function(image, tmp_path)


def make_sliced(path: Path) -> None:
    """Make a video of another size and profile, with noise in it and few enough frames for a busy machine."""
    noise = bytes(place * 7 % 251 for place in range(1000)) * 300
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=10, options=SLICED)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(40):
            frame = av.VideoFrame(640, 360, "yuv420p")
            for plane in frame.planes:
                plane.update(noise[number * 3 : number * 3 + plane.buffer_size])
            frame.pts, frame.time_base = number, Fraction(1, 10)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def size(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as file:
        return file.streams.video[0].width, file.streams.video[0].height


def test_videos_come_out_marked_one_after_another(function: Function) -> None:
    names = ("test.mp4", "sliced.mp4")
    function.run("5678", *names)
    for name in names:
        sent, received = function.out / name, function.out / f"received-{name}"
        before, after = video.play(sent), video.play(received)
        assert before is not None
        assert after is not None, function.text("log")
        assert after.codec == "h264"
        assert PlayedVideo().frames * before.frames <= after.frames <= before.frames
        assert size(received) == size(sent)
        assert marks.marked_share(received) == 1.0
        assert marks.marked_share(sent) == 0.0
    assert function.text("decoder") == f"{ON_CPU}\n"
    assert function.text("stand-in").count("\n") == 1
    assert function.text("stand-in").startswith("stand-in of gpu_infer_tcp: ")
    log = function.text("log")
    assert -1 < log.find(ON_CPU) < log.find("Setting pipeline to PAUSED")


def test_what_passes_it_by_is_not_marked(function: Function) -> None:
    function.run("5679", "test.mp4")
    received = video.play(function.out / "received-test.mp4")
    assert received is not None
    assert received.frames == 45
    assert marks.marked_share(function.out / "received-test.mp4") == 0.0


def test_a_gpu_that_does_not_decode_is_said_and_the_cpu_decodes(function: Function) -> None:
    function.run("5678", "test.mp4", before="touch /dev/nvidia0\n")
    assert marks.marked_share(function.out / "received-test.mp4") == 1.0
    assert function.text("decoder") == f"{ON_CPU}\n"
    assert "a GPU is seen, but nvh264dec does not run on it" in function.text("log")


def test_a_container_sees_a_gpu_that_its_node_has(built: tuple[str, Path]) -> None:
    environment = json.dumps(client.client().images.get(built[0]).attrs["Config"]["Env"])
    assert "NVIDIA_VISIBLE_DEVICES=all" in environment
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video" in environment
