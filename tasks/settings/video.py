"""How videos go through dataflows. Imports no other module of this tool."""

from __future__ import annotations

from dataclasses import dataclass

# In the folder of the user's videos: H.264 in MP4.
TEST_VIDEO = "made/test.mp4"
TEST_SECONDS = 3.0

SENDER = "send-video-tool"
SENDER_NAMESPACE = "test"
FOLDER_IN_NODE = "/root/work/DATA/video"
FOLDER_IN_POD = "/opt/video"

# What the sender makes packets of. The parameters of the stream are put before a key frame; if packets were made of the
# file's own frames, they would be put before each slice of it, where a decoder would take them for another frame.
WHOLE_FRAMES = "video/x-h264,stream-format=byte-stream,alignment=au"

# In the pods of the functions.
PORT = 5678
PROGRAM = "gst-launch-1.0"


@dataclass(frozen=True)
class Recorder:
    """How the last function of a dataflow records.

    Attributes:
        program: Program of its pipeline.
        port: UDP port on which that listens.
        wrapper: Program that starts the pipeline, once, and whose output is the container's log.
        configurations: Files that tell the wrapper its command, in YAML or JSON; one of them is there.
        recording: The file that is written.
        finished: Where a finished recording is put, so that the receiver can record again at once.
        earlier: The same for what somebody else had sent before a verification.
        seconds: How long the pipeline may take to end.
    """

    program: str = PROGRAM
    port: int = PORT
    wrapper: str = "/wrapper"
    configurations: tuple[str, ...] = ("/config/config.yaml", "/config/config.json")
    recording: str = "/rcv_video.mp4"
    finished: str = "/rcv_video.finished.mp4"
    earlier: str = "/rcv_video.earlier.mp4"
    seconds: int = 30


RECORDER = Recorder()


@dataclass(frozen=True)
class Mark:
    """A band of one colour at the top of a frame, as the stand-in of gpu_infer_tcp draws it.

    Attributes:
        rows: Its height.
        luma: Values of its brightness (Y).
        chroma: Values of its two differences in colour (U, V).
        share: Share of its samples that have these values, whatever the encoder makes of it.
    """

    rows: int = 16
    luma: range = range(120, 201)
    chroma: tuple[range, range] = (range(81), range(61))
    share: float = 0.9


# The green of GStreamer's videobox: Y 145, U 54, V 34, and for high definition Y 173, U 42, V 26.
MARK = Mark()
