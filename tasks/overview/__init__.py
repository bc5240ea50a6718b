"""Bare `./doit`: where you stand, on one small screen.

graph  declares the task
page   gathers what there is, and puts it on the screen with the next three commands
"""
