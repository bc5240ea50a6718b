"""The cluster that dataflows run on: one of kind's, or one that exists already.

interface      what the rest of the tool needs of it
devices        what its workers have
kind_cluster   a cluster of kind, whose nodes are containers of the engine
existing       a cluster that exists already: nodes (which run functions)
kind_status    what there is of the first, and existing_status of the second; workloads: what runs in either
daemons        how the controller's daemons reach its API, with which rights: daemon_access; placement: on which nodes
               all its parts run
pulling        with which credentials pods pull; pod_security: which level their namespaces need
videos         how videos come into the pod that sends them
candidate      an existing cluster before anything is kept of it: kubeconfig (the part that leads to it), preflight
               (what stands against it), rights (whether the credentials suffice), snapshot (what there was before)
add_ons        which add-ons it has from other hands
reading        reads what its workers have, with Jobs; kept: what was read; trust: what a node lacks that cannot pull
offers         what its nodes offer to pods (GPUs: gpu_operator); offering stops where something is not offered
fitting        whether a pattern finds its places there
sriov_policies what is asked of its SR-IOV network operator: sriov_refusals (what stands against it), sriov_states (how
               far the operator is), sriov_making (asks for it, and waits)
attaching      attaches this checkout to it; leaving takes everything out again
choice         which of them the parameters name
graph          what of the graph depends on that
"""
