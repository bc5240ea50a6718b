"""The Docker engine that everything else runs on.

service: has an engine that answers, the machine's own or an embedded one, and room for the nodes' file watches
"""
