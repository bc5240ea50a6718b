"""The kind cluster: created, waited for, shown and removed.

graph                   declares create_cluster, kind_config, node, status, delete_cluster and clean
address_plan            whether the cluster's networks clash with the routes of the host
config                  what kind is given
provenance              what a cluster was made from, and what it would be made from now
engine                  which Docker engine a cluster is on
kubeconfig_owner        whose entry kind would overwrite in the user's kubeconfig
access                  the kubeconfigs that lead to the cluster
collaborators           the interfaces that creation and removal call
creation                creates the cluster, resumes it, or starts it over with consent
node_steps              what is put on its nodes
heartbeats, readiness   whether the nodes are Ready and the DNS answers
registry_hosting        where other tools find the embedded registry
status                  what there is at this moment
removal                 removes the cluster and everything else that was made
"""
