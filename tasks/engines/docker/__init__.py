"""The Docker engine.

context            which engine the user's docker command would talk to, and how
embedded_home      the tool's own engine: its folders and address
settings           what the parameters say about it
connection         a connection to an engine, and why there is none
client             which of them this run uses; other programs reach the same one
images             built, imported, pushed
containers         run, found, started, removed
local_containers   which of them are processes of this machine
networks           the tool's networks; node_network makes one as kind would
node_files         the tool's files in the nodes
embedded           starts and stops the tool's own engine; embedded_mounts and embedded_rules clean up after it
"""
