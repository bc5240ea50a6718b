"""The kind cluster: made, waited for, shown, and taken away.

address_plan: the cluster's networks against the routes of the host
config: what kind is given
provenance: what a cluster was made from, and what it would be made from now
engine: on which Docker engine a cluster is
kubeconfig_owner: whose entry in the user's kubeconfig kind would overwrite
access: the kubeconfigs that lead to the cluster
collaborators: what it is made and taken away with
creation: makes it, resumes it, or starts it over with consent
node_steps: what is put on its nodes
heartbeats, readiness: whether the nodes are Ready, and the DNS answers
status: what there is at this moment
removal: takes it away, and all else that was made
"""
