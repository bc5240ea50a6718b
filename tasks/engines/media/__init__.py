"""Videos.

user_videos  the user's videos in work/DATA/video
mp4          which codecs a file contains
video        creates a short test video, and checks whether a video plays
"""
