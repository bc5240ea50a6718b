"""Finds what the machine lacks for the user's task, before anything is touched.

graph        declares doctor, and _doctor:<target> as the first step of tasks that need something of the machine
examination  what a task or pattern requires of the machine, the run of its checks, and their report
looks        the look of each check of settings/checks.py; the functions are in machine, network, existing,
             hardware, files, packages and versions
first_steps  whether what a target stands for is there already
versions     which versions have to be asked for; published: what the sites offer
server       the facts that a look gets; finding: what it returns, and how that is judged
"""
