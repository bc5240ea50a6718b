"""Finds what the machine lacks for the user's task, before anything is touched.

graph        declares doctor, and _doctor:<target> as the first step of tasks that need something of the machine
examination  what a task or pattern requires of the machine, the run of its checks, and their report
presence     whether what it is for is there already
looks        the look of each check of settings/checks.py; the functions are in machine, network,
             hardware and files
server       the facts that a look gets; finding: what it returns, and how that is judged
"""
