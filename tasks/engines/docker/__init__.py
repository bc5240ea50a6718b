"""The Docker engine.

context            which engine the user's docker command would use, and how
embedded_home      the tool's own engine: its folders and address
settings           the parameters that choose the engine
connection         connections to an engine, and why one fails
client             the engine that this run and the programs it starts use
logins             the user's own `docker login`
images             builds, imports and pushes images
containers_storage images of podman and buildah, and how they get into the engine
containers         runs, finds, starts and removes containers
local_containers   which containers are processes of this machine
networks           the tool's networks; node_network creates one as kind would
node_files         the tool's files in the nodes
embedded           starts and stops the tool's own engine; embedded_mounts and embedded_rules clean up after it
"""
