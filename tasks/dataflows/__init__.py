"""Deploys, verifies, deletes and shows dataflows.

graph          declares dataflow, delete_dataflow, send_video_tool and dataflow_status
flow           the dataflow of a pattern in the cluster
deployment     deploys it until all its pods are Ready, or deletes it
values         verifies it with values that it has to calculate with
calcapp        reads the answer in the receiver's log, and compares it
video          verifies it with videos that it has to pass on
video_sender   the pod that sends them
status         what each deployed DataFlow consists of
"""
