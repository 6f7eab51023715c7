#!/usr/bin/env bash
# Installs what is needed besides Rust, Node and git. `setup-tools.sh build`: a C compiler and cmake, which some crates are built
# with. `setup-tools.sh`: also what only tests and lint need, Python for the comparisons, Chromium for the page tests, cargo-deny
# for licences. `setup-tools.sh bench`: the peers of the benchmarks. Each is skipped when it is there. Works as root on Debian; elsewhere it says what to install.
set -euo pipefail

# need COMMAND PACKAGE...: the Debian packages that bring a command.
need() {
  command -v "$1" >/dev/null && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing ${*:2}"
    apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends "${@:2}" >/dev/null
  else
    echo "$1 is missing: install it (Debian: apt-get install ${*:2})" >&2
    return 1
  fi
}

need cc gcc libc6-dev
need cmake cmake make
[ "${1:-}" = build ] && exit 0
need python3 python3 python3-venv
if [ "${1:-}" = bench ]; then
  # What `make bench` runs beside; a row says so where something cannot be had.
  need java openjdk-17-jre-headless || true
  need mvn maven || true
  need redis-server redis-server || true
  [ -d /usr/lib/postgresql ] || need postgres postgresql || true
  exit 0
fi

if ! command -v chromium >/dev/null && [ -z "${CHROMIUM:-}" ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing chromium"
    apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends chromium >/dev/null
  else
    echo "chromium is missing: install it (Debian: apt-get install chromium) or set CHROMIUM to its path" >&2
  fi
fi

if ! command -v cargo-deny >/dev/null; then
  echo "installing cargo-deny"
  # Not into the project's target directory: its profile and features are its own.
  CARGO_TARGET_DIR="${TMPDIR:-/tmp}/cargo-deny-build" cargo install --quiet --locked cargo-deny
  rm -rf "${TMPDIR:-/tmp}/cargo-deny-build"
fi
