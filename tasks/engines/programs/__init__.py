"""Other programs: run with their output as progress, and stopped with the run.

shell        runs a program
proxies      the proxy variables for programs
root         runs a program as root, with sudo
waiting      waits for a named condition, and gives the cause if time runs out
again        retries what fails temporarily
interrupts   Ctrl-C and other signals, for a run and for what it has started
"""
