"""What the machine lacks for what the user wants to do, found before anything is touched.

graph        declares doctor, and _doctor:<target> as the first step of what needs something of the machine
examination  what a task or pattern asks of the machine, each check's look, and what is said of them
looks        which function looks for which check of settings/checks.py; they stand in
             machine, network, hardware and files
server       the facts that a look is given; finding: what it returns, and how that is judged
"""
