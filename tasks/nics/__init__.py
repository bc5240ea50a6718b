"""The server's SR-IOV network cards, lent to the workers and given back as they were.

graph       declares nics:<worker>, nics_restore, nics_status
cards       doors of these tasks: read the parameters, hold the lock of the machine
wish        what the parameters ask for each worker
machine     the machine with its nodes; loans: a card on its way, which the steps of lending hand on
lending     lends a card (refusals, records, udev, steps), restoring gives it back
condition   what a node lacks of its loan; presence: what is there, and in words where
ledger      what each device was before the first touch, on the disk; routes: those of a device
pods        what pods hold, and what the scheduler may give to more of them
status      the table of every card and virtual function
"""
