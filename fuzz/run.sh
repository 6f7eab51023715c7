#!/usr/bin/env bash
# Fuzzes every target for a while: fuzz/run.sh SECONDS [TARGET...]. What was found is in $TRADEWIND_FUZZ/artifacts.
# `sql` links the SQL engine: its first build takes long; FUZZ_SQL=0 leaves it out.
set -euo pipefail
cd "$(dirname "$0")"
seconds="${1:-60}"
shift || true
targets=("$@")
if [ "${#targets[@]}" = 0 ]; then
  targets=(decode_json ndjson decompress csv_mapping journal_recovery)
  [ "${FUZZ_SQL:-1}" = 0 ] || targets+=(sql)
fi
home="${TRADEWIND_FUZZ:-$HOME/.cache/tradewind/fuzz}"
mkdir -p "$home"
export CARGO_TARGET_DIR="$home/target" RUSTC_BOOTSTRAP=1
if ! command -v cargo-fuzz >/dev/null && [ ! -x "$home/tools/bin/cargo-fuzz" ]; then
  CARGO_TARGET_DIR="$home/tools/target" cargo install --quiet cargo-fuzz --locked --root "$home/tools"
fi
export PATH="$home/tools/bin:$PATH"
failed=0
for target in "${targets[@]}"; do
  features=()
  unset CARGO_PROFILE_RELEASE_OPT_LEVEL
  if [ "$target" = sql ]; then
    features=(--features sql)
    # Instrumented and fully optimised, the SQL engine takes longer to build than to fuzz.
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=1
  fi
  mkdir -p "$home/corpus/$target" "$home/artifacts/$target"
  seeds=()
  [ ! -d "seeds/$target" ] || seeds=("seeds/$target")
  log="$home/$target.log"
  # No sanitizer: the code under test is safe Rust, and panics and broken promises are what is looked for.
  if cargo fuzz run --fuzz-dir . -s none "${features[@]}" "$target" "$home/corpus/$target" "${seeds[@]}" -- \
    -max_total_time="$seconds" -artifact_prefix="$home/artifacts/$target/" -timeout=30 -rss_limit_mb=4096 -print_final_stats=1 >"$log" 2>&1; then
    runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    echo "fuzz $target: ${seconds} s, $runs runs, $(find "$home/corpus/$target" -type f | wc -l) inputs kept, nothing found"
  else
    failed=1
    echo "fuzz $target: FAILED"
    tail -n 25 "$log"
  fi
done
exit "$failed"
