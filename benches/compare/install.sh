#!/usr/bin/env bash
# Gets the programs that burgee is compared with, from the ordinary registries and by pinned version. Each is built or
# installed once. Prints the path of the program, and nothing else; peers/README.md tells how to start it.
#
#   benches/compare/install.sh collector|rotel|dataflow-engine
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/peers"

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/burgee-compare"
COLLECTOR_VERSION=v0.155.0

# An empty folder; what a build that broke off left there is gone.
build_folder() {
  local folder="$CACHE/build-$1"
  rm -rf "$folder"
  mkdir -p "$folder" && echo "$folder"
}

needs() {
  command -v "$1" >/dev/null || { echo "compare: $1 is not installed, and $2 is $3 with it." >&2 && return 1; }
}

# The OpenTelemetry Collector with the components of collector/builder.yaml, and nothing else.
collector_binary() {
  local builder=collector/builder.yaml binary build
  binary="$CACHE/otelcol-$COLLECTOR_VERSION-$(cksum <"$builder" | cut -d ' ' -f 1)"
  if [[ ! -x $binary ]]; then
    needs go "the OpenTelemetry Collector" built || return
    echo "compare: building the OpenTelemetry Collector $COLLECTOR_VERSION (two minutes, once)" >&2
    build=$(build_folder otelcol) || return
    sed "s/VERSION/$COLLECTOR_VERSION/" "$builder" >"$build/builder.yaml"
    (cd "$build" && nice -n 10 go run "go.opentelemetry.io/collector/cmd/builder@$COLLECTOR_VERSION" --config builder.yaml --skip-compilation) >&2 || return
    (cd "$build/otelcol" && nice -n 10 go build -p 2 -ldflags '-s -w' -o "$binary.new" .) >&2 || return
    mv "$binary.new" "$binary"
    rm -rf "$build"
  fi
  echo "$binary"
}

# The program inside rotel's wheel, without the Python package around it. It is linked with the library of the Python
# that the wheel is for, so that it can run processors written in Python, and does not start where that is missing.
rotel_binary() {
  local lock=rotel/requirements.txt binary build program
  binary="$CACHE/rotel-$(cksum <"$lock" | cut -d ' ' -f 1)"
  if [[ ! -x $binary ]]; then
    needs python3 rotel fetched || return
    echo "compare: fetching rotel (some seconds, once)" >&2
    build=$(build_folder rotel) || return
    python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore --no-deps \
      --require-hashes --only-binary :all: --target "$build" -r "$lock" >&2 || return
    program="$build/rotel/rotel-agent"
    chmod +x "$program"
    "$program" --version >/dev/null || { echo "compare: rotel does not start (Debian: apt-get install libpython3-dev)." >&2 && return 1; }
    mv "$program" "$binary"
    rm -rf "$build"
  fi
  echo "$binary"
}

# The OTel-Arrow dataflow engine, started by the main of dataflow-engine/. What a build that broke off left is used again.
dataflow_engine_binary() {
  local binary build="$CACHE/build-dataflow-engine"
  cd dataflow-engine
  binary="$CACHE/dataflow-engine-$(cat Cargo.toml Cargo.lock src/main.rs | cksum | cut -d ' ' -f 1)"
  if [[ ! -x $binary ]]; then
    needs cargo "the dataflow engine" built || return
    echo "compare: building the dataflow engine (half an hour, once)" >&2
    CARGO_TARGET_DIR="$build" nice -n 10 cargo build --locked --release --jobs 2 >&2 || return
    mv "$build/release/dataflow-engine" "$binary"
    rm -rf "$build"
  fi
  echo "$binary"
}

case ${1:-} in
  collector) collector_binary ;;
  rotel) rotel_binary ;;
  dataflow-engine) dataflow_engine_binary ;;
  *) echo "usage: $0 collector|rotel|dataflow-engine" >&2 && exit 2 ;;
esac
