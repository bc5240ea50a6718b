"""What a cluster gets beyond Kubernetes, as chosen by the parameters.

graph          declares addon and addon_image
address_pool   the addresses that MetalLB hands out
address_blocks the addresses of second interfaces on each worker, for whereabouts
second_network the networks of second interfaces where Multus and IPAM are of others
manifests      upstream's manifests, adapted by the overlay of each add-on
choice         what an add-on runs: upstream's release, a stand-in, or a substitute
installation   puts an add-on on the nodes or into the cluster, and its image into the registry
"""
