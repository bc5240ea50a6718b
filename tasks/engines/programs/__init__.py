"""Other programs: run with their output as progress, waited for, and stopped with the run.

shell        runs a program
proxies      the proxy variables that it is given
root         the same as root, by sudo
waiting      waits for a named condition, and tells the cause where time runs out
again        asks again what may pass by itself
interrupts   Ctrl-C and other signals, for a run and for what it has started
"""
