"""A hop of the sample's calcapp: adds the sum of the inputs' squares to the results, and hands the request on.

Hops speak JSON-RPC over TCP, one line for each message. The sidecar writes which hop is next.
"""

import json
import signal
import socket
import socketserver
from pathlib import Path

CONFIG = Path("/config/config.json")
PORT = 8080


class Hop(socketserver.StreamRequestHandler):
    """A connection from the hop before."""

    def handle(self) -> None:
        """Answer each request, even if a later hop fails: only the log of the last hop tells what arrived."""
        for line in self.rfile:
            call = json.loads(line)
            request = call["params"][0]
            value = sum(float(number) ** 2 for number in request["Inputs"])
            print(f"square of {request['Inputs']}: {value}", flush=True)
            request["Results"] = [*(request["Results"] or ()), {"Operator": "square", "Value": value}]
            try:
                hand_on(call)
            except (OSError, ValueError, KeyError) as error:
                print(f"the next hop failed: {error!r}", flush=True)
            answer = {"id": call["id"], "result": {"Status": "OK"}, "error": None}
            self.wfile.write(json.dumps(answer).encode() + b"\n")


def hand_on(call: object) -> None:
    """Send a call to the next hop, and wait for its answer."""
    following = json.loads(CONFIG.read_text())["next"]
    with socket.create_connection((following["host"], following["port"]), timeout=30) as connection:
        connection.sendall(json.dumps(call).encode() + b"\n")
        connection.makefile().readline()


if __name__ == "__main__":
    # The sidecar signals that the configuration changed; it is read for each request.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with socketserver.ThreadingTCPServer(("", PORT), Hop) as server:
        server.serve_forever()
