"""The server's SR-IOV network cards, lent to the workers and given back as they were.

graph       declares nics:<worker>, nics_restore, nics_status
cards       entry points of these tasks: read the parameters, hold the machine's lock
wish        what the parameters request for each worker
machine     the machine with its nodes; loans: a card on its way, which the steps of lending pass on
lending     lends a card (refusals, records, udev, steps), restoring gives it back
condition   what a node lacks of its loan; presence: which devices are there, and where, in words
ledger      the state of each device before the first change, on disk; routes: the routes of a device
pods        which virtual functions pods hold, and how many the scheduler can still assign
emulated    the stand-in cards of EMULATE=sriov, in a network of Docker; exclusion: never together with a real card
counters    what the PFs in the nodes have received and sent
status      the table of every card and virtual function
"""
