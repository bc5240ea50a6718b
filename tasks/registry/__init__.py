"""The registry that the cluster pulls from, embedded or the site's, and the CA to trust for it.

graph          declares registry and registry_ca
pki            checks and creates certificates
server         sends requests over HTTPS, with a token if the server requires one
client         pushes images, and asks the registry what it holds
embedded       the two containers of the embedded registry
self_signed    a certificate that is offered as a CA and is none: who accepts it, and how proper ones are made
ca_offer       a CA offered by a server whose own certificate it has issued
certificates   the registry's CA, downloaded and kept for the nodes
docker_trust   the same CA, for the Docker engine that pushes
"""
