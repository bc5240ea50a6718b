"""Videos.

user_videos  the user's videos in work/DATA/video
mp4          which codecs a file contains
marks        how many frames of a video the stand-in of gpu_infer_tcp has marked
video        creates a short test video, and checks whether a video plays
"""
