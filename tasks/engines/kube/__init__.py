"""Kubernetes.

kind             creates and removes a cluster; cluster_owner finds out whose it is
kubeconfigs      the user's kubeconfigs, and whether they can be written
access           the API of a cluster, connected once; attachment: the record of one that exists already
api              reads, applies, deletes and waits; its parts are connection (its credentials are renewed),
                 credentials (what the kubeconfig says), calls (requests), server_facts, served (the path of each kind),
                 applying, immutable (objects that are created again), streams (changes and logs as they happen) and
                 complaints
applyset         what marks this tool's objects in a cluster that exists already; guest: only they are changed there
manifests        objects: kinds, labels, digests, order; kustomize renders them, by kubectl
rbac             accounts, what they may do, and the bindings of both
state            what an object's status means
pod_exec         runs programs in pods; pod_files uses it to copy files
"""
