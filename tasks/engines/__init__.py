"""Everything outside the tool: one folder for each part of it, one module for each program or interface.

The modules are given the values that they need. The only parameters they read are the engine and cluster of the run.
Each folder may use those before it:

    programs/    other programs: running them, as root too, waiting for them, interrupting them
    files/       files: atomic writes, locks, downloads, archives
    nic_root     what only root can do with a NIC: a program of its own, which needs only the standard library
    host/        this machine: its hardware, kernel, packages, processes
    media/       videos
    docker/      the Docker engine: which one is used, its images, containers and networks
    go/          Go programs
    kube/        Kubernetes, and kind, which creates the cluster
"""
