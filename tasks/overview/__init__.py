"""Bare `./doit`: where you stand, on one small screen.

graph  declares the task
page   collects what there is, and shows it with the next three commands
"""
