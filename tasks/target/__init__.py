"""The cluster that dataflows run on: one of kind's, or one that exists already.

interface          what the rest of the tool needs of it
devices            what its workers have
kind_cluster       a cluster of kind, whose nodes are containers of the engine
daemon_access      how its daemons reach the API without the disks of nodes
manager_placement  where managers run when the control plane is hidden
existing           a cluster that exists already: nodes (which run functions)
choice             which of them the parameters name
"""
