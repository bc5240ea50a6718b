"""How videos go through dataflows. Imports no other module of this tool."""

from __future__ import annotations

# In the folder of the user's videos: H.264 in MP4.
TEST_VIDEO = "made/test.mp4"
TEST_SECONDS = 3.0

SENDER = "send-video-tool"
SENDER_NAMESPACE = "test"
FOLDER_IN_NODE = "/root/work/DATA/video"
FOLDER_IN_POD = "/opt/video"

# In the pods of the functions.
PORT = 5678
PROGRAM = "gst-launch-1.0"
WRAPPER = "/wrapper"
RECORDING = "/rcv_video.mp4"

# RTP on UDP may lose packets: this share of what was sent has to arrive.
SHARE = 0.9
