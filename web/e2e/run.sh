#!/usr/bin/env bash
# Runs the page tests against the real program: a demo with a little history, and a store imported from a real file.
set -euo pipefail
cd "$(dirname "$0")/.."
bin="${TRADEWIND_BIN:-../target/release/tradewind}"
[ -x "$bin" ] || { echo "page tests need the binary: make build ($bin is missing)" >&2; exit 1; }
command -v "${CHROMIUM:-chromium}" >/dev/null || { echo "the page tests need chromium: run make setup-tools as root on Debian, or set CHROMIUM to its path" >&2; exit 1; }
data="$(mktemp -d)"
server=""
cleanup() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
  rm -rf "$data"
}
trap cleanup EXIT

real="../../shared/data/rees46_multicat_2019-10-01_head17k.csv"
stale=""
if [ -f "$real" ]; then
  "$bin" import "$real" --store rees46 --format rees46 --data-dir "$data" >/dev/null
  stale="rees46"
else
  echo "the test of an imported store is SKIPPED: $real is absent"
fi

# Stays running until it is ended here by its id.
"$bin" demo --data-dir "$data" --listen 127.0.0.1:0 --pg-listen "" --rate 60/s --history 3 >"$data/demo.log" 2>"$data/demo.err" &
server=$!
for _ in $(seq 150); do
  link="$(grep -oE 'http://[^ ]+token=[^ ]+' "$data/demo.log" | head -1 || true)"
  [ -n "$link" ] && break
  kill -0 "$server" 2>/dev/null || { echo "the demo ended:" >&2; cat "$data/demo.err" >&2; exit 1; }
  sleep 0.2
done
[ -n "$link" ] || { echo "the demo printed no link within 30 s" >&2; cat "$data/demo.err" >&2; exit 1; }
TRADEWIND_URL="$link" TRADEWIND_STALE_STORE="$stale" npm run --silent e2e
