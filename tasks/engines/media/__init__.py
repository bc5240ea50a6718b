"""Videos.

user_videos  those that the user has put there
mp4          which codecs a file holds
video        a short one to test with, and whether one plays
"""
