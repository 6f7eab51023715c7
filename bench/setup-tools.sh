#!/usr/bin/env bash
# Installs what tests and lint need and the product does not: Chromium for the page tests, cargo-deny for licences.
# Each is skipped when it is there. Works as root on Debian; elsewhere it says what to install.
set -euo pipefail

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
