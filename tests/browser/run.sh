#!/usr/bin/env bash
# burgee's page in a real Chromium without a window: what people see, how soon, and that hostile telemetry stays text.
# README.md tells what is checked. The last line is `N passed, M failed, K skipped`; a failure exits non-zero.
#
#   tests/browser/run.sh                 a release build of the working tree
#   BURGEE=path tests/browser/run.sh     this binary instead
#   STAND_IN=1 tests/browser/run.sh      no burgee, but the stand-in of mock.mjs, for work on the page
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/burgee-browser"

skip() {
  echo "browser: SKIPPED. $1" >&2
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}

# The first Chromium there is; as root, Debian's is installed.
chromium_binary() {
  local name
  for name in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome; do
    command -v "$name" && return
  done
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return
  echo "browser: installing chromium (a minute, once)" >&2
  { apt-get update && apt-get install -y --no-install-recommends chromium; } >&2 || return
  command -v chromium
}

# The folder of the node_modules that package-lock.json locks.
modules_folder() {
  local folder
  folder="$CACHE/$(cksum <package-lock.json | cut -d ' ' -f 1)"
  if [[ ! -e $folder/complete ]]; then
    echo "browser: installing playwright-core (some seconds, once)" >&2
    rm -rf "$folder"
    mkdir -p "$folder" && cp package.json package-lock.json "$folder/" || return
    (cd "$folder" && timeout 5m npm ci --silent --ignore-scripts --no-audit --no-fund) >&2 || return
    touch "$folder/complete"
  fi
  echo "$folder"
}

command -v node >/dev/null && command -v npm >/dev/null || skip "node and npm are not installed."
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || skip "node $(node --version) is older than 20."
CHROMIUM=$(chromium_binary) || skip "Chromium is not installed, and only root can install it (apt-get install chromium)."
BROWSER_MODULES=$(modules_folder)
export CHROMIUM BROWSER_MODULES

if [[ -z ${BURGEE:-} && -z ${STAND_IN:-} ]]; then
  cargo build --release --quiet --manifest-path ../../Cargo.toml
  BURGEE="${CARGO_TARGET_DIR:-../../target}/release/burgee"
fi
export BURGEE="${BURGEE:-}"

exec node tests.mjs
