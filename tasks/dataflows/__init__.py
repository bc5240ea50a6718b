"""Deploys, verifies, deletes and shows dataflows.

graph          declares dataflow, delete_dataflow, send_video_tool and dataflow_status
flow           the dataflow of a pattern in the cluster
stand_ins      what its result stands on that is not the real thing
gpu_target     waits until a worker offers the GPU that it needs
deployment     deploys it until all its pods are Ready, or deletes it
pulling        the images that nodes pull meanwhile
verification   verifies it with all that its pattern names, and says how to do so by hand
values         verifies it with values that it has to calculate with
calcapp        reads the answer in the receiver's log, and compares it
video          verifies it with videos that it has to pass on
video_sender   the pod that sends them
log_lines      verifies it with lines that its functions have to log
commands       verifies it with commands in its pods
findings       what log lines and commands were found, kept and said
containers     the container in which a function runs, its files and its processes
addresses      the address of each function, and the one at which it is reached
pipelines      the process in each function that passes a video on, and whether it takes data yet
receiver       the last of them, which records, and runs again after each recording
marking        whether a video went through the functions that are stood in for
traffic        what the kernel counted in each function and at the PFs while something was sent
reach          the first function that the one before it does not reach
results        keeps what came out of a dataflow on the host
stand_ins      what is stood in for where a result is shown
by_hand        the commands with which a user does the same
all_patterns   verifies every pattern that can run
series         one after another: what stays, what is taken away, and the table of results
room           whether the workers have room for one more
origin         who deployed a DataFlow: the user, or a run over all patterns
status         what each deployed DataFlow consists of
"""
