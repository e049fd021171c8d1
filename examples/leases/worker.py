#!/usr/bin/env python3
"""A worker that holds a slot of a lane while it works. Uses Python's standard library only.

    python3 worker.py TOOL SECONDS [ADMIN_URL]

Takes a lease, renews it in the background three times per lease time, works for SECONDS, and ends the lease with a verdict.
Exit codes: 0 done; 3 the lease was refused, try again after the printed time; 4 the lease was lost during the work. A
worker without its lease must stop at once, because the slot already belongs to another.
"""
import json
import sys
import threading
import time
import urllib.error
import urllib.request

LEASE_SECONDS = 6


def call(method, url, body=None):
    """Returns the status and the JSON of an answer, also of an error."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def main():
    tool, seconds = sys.argv[1], float(sys.argv[2])
    admin = sys.argv[3] if len(sys.argv) > 3 else "http://127.0.0.1:9090"
    status, lease = call(
        "POST",
        f"{admin}/lanes/{tool}/leases",
        {"job_id": f"worker-{time.time_ns()}", "lease_seconds": LEASE_SECONDS, "wait_ms": 30000},
    )
    if status != 201:
        print(f"refused: {lease.get('reason', status)}, come back in {lease.get('retry_after_ms', 1000)} ms")
        return 3
    url = f"{admin}/leases/{lease['lease_id']}"
    print(f"working: epoch {lease['epoch']}, until {lease['expires_at']} unless renewed", flush=True)

    done, lost = threading.Event(), threading.Event()

    def renew():
        while not done.wait(LEASE_SECONDS / 3):
            if call("PUT", url)[0] == 410:
                lost.set()
                return

    heartbeat = threading.Thread(target=renew, daemon=True)
    heartbeat.start()
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at and not lost.is_set():
        time.sleep(0.05)  # stands for the work, in short pieces, so that a lost lease stops it soon
    done.set()
    heartbeat.join()
    if lost.is_set():
        print("lost: the slot is another's by now")
        return 4
    _, ended = call("DELETE", url, {"verdict": "ok"})
    print("done" if ended["was_held"] else "lost at the very end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
