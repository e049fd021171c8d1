"""One call through a urllib3 PoolManager as it comes: METHOD URL. Prints what its caller gets, as JSON."""

import json
import sys

import urllib3

method, url = sys.argv[1:]
body = b"{}" if method == "POST" else None
response = urllib3.PoolManager().request(method, url, body=body)
print(json.dumps({"version": urllib3.__version__, "status": response.status, "body": response.data.decode()}))
