"""Makes one call (arguments: METHOD URL) through a urllib3 PoolManager with its defaults. Prints the answer as JSON."""

import json
import sys

import urllib3

method, url = sys.argv[1:]
body = b"{}" if method == "POST" else None
response = urllib3.PoolManager().request(method, url, body=body)
print(json.dumps({"version": urllib3.__version__, "status": response.status, "body": response.data.decode()}))
