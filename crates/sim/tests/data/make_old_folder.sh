#!/usr/bin/env bash
# Made `old_folder.tar.zst` with the program of commit f27f6a2, before any stored format changed: make_old_folder.sh BINARY.
# It is not made again: a newer program would write its own formats.
set -euo pipefail
program=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export TRADEWIND_STREAM_CHECKPOINT_INTERVAL=400ms TRADEWIND_LAKE_GOLD_INTERVAL=1s TRADEWIND_JOURNAL_PARTITIONS=2
run() { "$program" --data-dir "$work/data" "$@"; }

# The first lines of a simulation only name products: what shoppers did comes after them.
"$program" simulate --out "$work/all.ndjson" --events 9000 --seed 9 >/dev/null
{ grep -E '"(order|checkout)_' "$work/all.ndjson" | tail -n 60; tail -n 240 "$work/all.ndjson"; } >"$work/events.ndjson"
head -n 5000 "$work/all.ndjson" | tail -n 80 >"$work/fewer.ndjson"
run import "$work/events.ndjson" --store shop --currency EUR --timezone Europe/Berlin
run import "$work/fewer.ndjson" --store other --currency EUR --timezone America/New_York
key=$(run key create --store shop --kind write)
"$program" --data-dir "$work/data" serve --listen 127.0.0.1:18431 --pg-listen "" >"$work/serve.log" 2>&1 &
server=$!
until curl -sf http://127.0.0.1:18431/readyz >/dev/null; do sleep 0.1; done
send() { curl -sf http://127.0.0.1:18431/v1/events -H "Authorization: Bearer $key" --data-binary @"$1" >>"$work/answers"; }
send "$here/old_folder_1.ndjson"
sleep 3
send "$here/old_folder_2.ndjson"
sleep 0.6
# What came last is in the journal and perhaps in the checkpoint, and not in the lake.
kill -9 $server
tar -C "$work" --sort=name --mtime=@0 --owner=0 --group=0 -cf - data | zstd -19 --long -q -f -o "$here/old_folder.tar.zst"
cat "$work/answers"; ls -l "$here/old_folder.tar.zst"; du -sh "$work/data"
rm -r "$work"
