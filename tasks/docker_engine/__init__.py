"""The Docker engine that everything else runs on.

graph     declares engine
service   ensures an engine that answers, the machine's own or an embedded one, and enough file watches for the nodes
"""
