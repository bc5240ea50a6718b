"""The dataflows: deployed, verified, deleted and shown.

- graph: declares dataflow, delete_dataflow, send_video_tool and dataflow_status
- flow: the dataflow of a pattern in the cluster, which all that follows is handed
- deployment: has it Deployed with Ready pods, or deletes it
- values: verifies it by values that it has to calculate with
- calcapp: reads the answer in the receiver's log, and compares it
- video: verifies it by videos that it has to pass on
- video_sender: the pod that sends them
- status: what each deployed DataFlow consists of
"""
