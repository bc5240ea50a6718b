"""Kubernetes.

kind             makes and removes a cluster; cluster_owner tells whose it is
kubeconfigs      the user's files, and whether they can be written
access           the API of a cluster, connected once
api              reads, applies, deletes, waits; its parts are
calls (requests), served (where each kind is), applying, immutable (made again), complaints
manifests        objects: kinds, labels, digests, order; kustomize renders them
state            what an object's status says
pod_exec         programs run in pods; pod_files copies files by them
"""
