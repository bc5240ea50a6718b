"""The server's GPU: lent to the first worker and given back as it was, or shared with it.

graph      declares gpu_lease and gpu_return
lease      entry points of these tasks: read the parameters, hold the machine's lock, report what is lacking
machine    the host and the engine with its nodes, as far as they are needed
stand_in   the GPU that EMULATE stands in for
sharing    the other way: the host keeps its driver, and the worker sees the GPU through it
handover   moves the GPU from the host's driver to the node's, and back
driver     the node's driver: its modules with what they need of the host, its device files, its services
ledger     the state of the host's driver before the first change, on disk
"""
