"""The server's GPU, lent to the first worker and given back as it was.

graph      declares gpu_lease and gpu_return
lease      doors of these tasks: read the parameters, hold the lock of the machine, tell what is lacking
machine    the host and the engine with its nodes, as far as they are needed
handover   moves the GPU from the host's driver to the node's, and back
ledger     what the host's driver was before the first touch, on the disk
"""
