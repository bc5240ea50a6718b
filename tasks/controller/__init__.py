"""The OpenKasugai controller: from its source to what runs in the cluster.

graph       declares controller_source, controller_image, function_image and controller
deployment  what each step consists of; applied where the cluster differs
following   what all parts of the controller write, as they write it
source      the objects of the source, rendered once, and adapted to this cluster
inventory   what the workers offer, found from the host (INVENTORY=host)
collector   the same, found by the archive's InfoCollector (INVENTORY=collector)
gpu_types   GPUs that the archive does not list, in its lists of kinds of functions and of where functions can run
capacity    what the controller makes of it: ComputeResources and FunctionTargets, which follow the inventory
running     which dataflows still run an earlier image of a function that was built
kinds       the controller's own kinds, their status and their names, for those who deploy dataflows
"""
