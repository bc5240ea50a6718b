"""The registry that the cluster pulls from, embedded or of the site, and whom to trust for it.

pki: certificates, judged and made
server: asks over HTTPS, with a token where one is wanted
client: pushes images, and asks the registry what it holds
embedded: the two containers of a registry of our own
ca_offer: a CA that is offered by a server whose own certificate it has issued
certificates: the registry's CA, downloaded and kept for the nodes
docker_trust: the same CA, for the Docker engine that pushes
"""
