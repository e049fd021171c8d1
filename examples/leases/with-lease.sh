#!/bin/sh
# Runs a command while holding a slot of a lane. Needs curl and sed.
#
#     with-lease.sh TOOL COMMAND [ARGUMENT...]        ADMIN=http://127.0.0.1:9090 by default
#
# Renews the lease every 2 s. If the lease is lost, the command gets SIGTERM. Exit codes: 3 if the lease was refused, 4 if it
# was lost, otherwise that of the command.
set -eu
admin=${ADMIN:-http://127.0.0.1:9090}
tool=$1
shift

answer=$(curl -sS --max-time 60 -w '\n%{http_code}' -X POST "$admin/lanes/$tool/leases" -d '{"lease_seconds": 6, "wait_ms": 30000}')
if [ "${answer##*
}" != 201 ]; then
  echo "refused: $answer" >&2
  exit 3
fi
lease=$(printf '%s' "$answer" | sed -n 's/.*"lease_id":"\([^"]*\)".*/\1/p')
lost=$(mktemp)
rm "$lost"

"$@" &
work=$!
(
  while sleep 2; do
    status=$(curl -sS -o /dev/null -w '%{http_code}' -X PUT "$admin/leases/$lease" || true)
    if [ "$status" = 410 ]; then
      : > "$lost"
      kill "$work" 2> /dev/null || true
      exit
    fi
  done
) &
heartbeat=$!

code=0
wait "$work" || code=$?
kill "$heartbeat" 2> /dev/null || true
verdict=ok
[ "$code" = 0 ] || verdict=dropped
curl -sS -o /dev/null -X DELETE "$admin/leases/$lease" -d "{\"verdict\": \"$verdict\"}"
if [ -e "$lost" ]; then
  rm "$lost"
  exit 4
fi
exit "$code"
