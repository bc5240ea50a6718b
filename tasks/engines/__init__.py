"""The world outside, as the flats call it: one folder for each thing outside, one module for each tool or interface.

An engine is handed the values that it needs and reads no parameters, except which engine and cluster a run uses.
Each folder may use those before it:

    programs/    other programs: run, waited for, run as root, interrupted
    files/       files: written whole, locked, downloaded, unpacked
    nic_root     what only root can do with a NIC: a program by itself, which imports nothing of the tool
    host/        this machine: its hardware, kernel, packages, processes
    media/       videos
    docker/      the Docker engine: which one answers, its images, containers and networks
    go/          Go programs
    kube/        Kubernetes, and kind, which makes the cluster
"""
