# shellcheck shell=bash
# Gets what burgee is tested against, from the ordinary registries and by pinned version, and builds the driver that
# tests it. Sourced by run.sh and record.sh. Each function prints a path; foreign things are built or installed once.

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/burgee-interop"
INTEROP_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
COLLECTOR_VERSION=v0.155.0

# Set in the whole script: a build beside others shall not take the machine.
GO_BUILD=(nice -n 10 go build -p 2)

# An empty folder; what a build that broke off left there is gone.
build_folder() {
  local folder="$CACHE/build-$1"
  rm -rf "$folder"
  mkdir -p "$folder" && echo "$folder"
}

# relayproxy_binary 1.49.0
# relayproxy_binary 1.40.0-localdev: the code of v1.40.0, which says of its version what a build of one's own says
#
# `go install …/cmd/relayproxy@v1.49.0` would do for that version alone: newer ones have `replace` lines in their
# go.mod, which Go then refuses. A module of ours that requires the relay proxy and repeats those lines builds
# every version alike. Its go.sum starts as the relay proxy's own: that came inside a module whose hash the
# checksum database vouches for, and knows the hashes of submodules which the database may not list. The relay
# proxies that the database does not list are vouched for by relayproxy/go.sum (see README.md).
relayproxy_binary() {
  local name=$1 version=${1%-localdev} says=${1##*-} binary="$CACHE/relayproxy-$1" module=github.com/thomaspoignant/go-feature-flag source build
  if [[ ! -x $binary ]]; then
    echo "interop: building the GO Feature Flag relay proxy $name (some minutes, once)" >&2
    build=$(build_folder "relayproxy-$name") || return
    cp "$INTEROP_DIR/relayproxy/go.sum" "$build/go.sum" && echo 'module relayproxy' >"$build/go.mod" || return
    source=$(cd "$build" && go mod download -json "$module@v$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p') || return
    {
      printf 'module relayproxy\n\nrequire %s v%s\n\n' "$module" "$version"
      grep -E '^(go|replace) ' "$source/go.mod"
    } >"$build/go.mod" || return
    cat "$source/go.sum" >>"$build/go.sum" || return
    (cd "$build" && "${GO_BUILD[@]}" -mod=mod -ldflags "-s -w -X main.version=$says" -o "$binary.new" "$module/cmd/relayproxy") >&2 || return
    mv "$binary.new" "$binary"
    rm -rf "$build"
  fi
  echo "$binary"
}

# The OpenTelemetry Collector with the components of collector/builder.yaml, and nothing else.
collector_binary() {
  local builder="$INTEROP_DIR/collector/builder.yaml" binary build
  binary="$CACHE/otelcol-$COLLECTOR_VERSION-$(cksum <"$builder" | cut -d ' ' -f 1)"
  if [[ ! -x $binary ]]; then
    echo "interop: building the OpenTelemetry Collector $COLLECTOR_VERSION (a minute, once)" >&2
    build=$(build_folder "otelcol-$COLLECTOR_VERSION") || return
    sed "s/VERSION/$COLLECTOR_VERSION/" "$builder" >"$build/builder.yaml"
    (cd "$build" && nice -n 10 go run "go.opentelemetry.io/collector/cmd/builder@$COLLECTOR_VERSION" --config builder.yaml --skip-compilation) >&2 || return
    (cd "$build/otelcol" && "${GO_BUILD[@]}" -ldflags '-s -w' -o "$binary.new" .) >&2 || return
    mv "$binary.new" "$binary"
    rm -rf "$build"
  fi
  echo "$binary"
}

# The program in driver/, which Go builds again only when it has changed.
driver_binary() {
  local binary="$CACHE/interop"
  mkdir -p "$CACHE"
  (cd "$INTEROP_DIR/driver" && "${GO_BUILD[@]}" -o "$binary" .) >&2 || return
  echo "$binary"
}

# Why the applications of a language cannot run here; nothing if they can.
python_lacks() {
  command -v python3 >/dev/null || { echo "python3 is not installed" && return; }
  python3 --version >/dev/null 2>&1 || { echo "python3 does not run" && return; }
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(python3 --version) is older than 3.10" && return; }
  python3 -c 'import ensurepip, venv' 2>/dev/null || echo "python3 has no venv (Debian: apt-get install python3-venv)"
}

node_lacks() {
  command -v node >/dev/null && command -v npm >/dev/null || { echo "node and npm are not installed" && return; }
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || echo "node $(node --version) is older than 20"
}

# python_sender python-hooks-0.3.1: the virtual environment with what its requirements.txt locks.
python_sender() {
  local name=$1 lock="$INTEROP_DIR/senders/$1/requirements.txt" folder
  folder="$CACHE/$name-$({ python3 --version && cat "$lock"; } | cksum | cut -d ' ' -f 1)"
  if [[ ! -e $folder/complete ]]; then
    echo "interop: installing the SDKs of $name (half a minute, once)" >&2
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || return
    at_most_minutes 5 "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
      --require-hashes --only-binary :all: -r "$lock" >&2 || return
    touch "$folder/complete"
  fi
  echo "$folder"
}

# node_sender node-hooks-1.0.0: the folder of the node_modules that its package-lock.json locks.
node_sender() {
  local name=$1 source="$INTEROP_DIR/senders/$1" folder
  folder="$CACHE/$name-$(cksum <"$source/package-lock.json" | cut -d ' ' -f 1)"
  if [[ ! -e $folder/complete ]]; then
    echo "interop: installing the SDKs of $name (some seconds, once)" >&2
    rm -rf "$folder"
    mkdir -p "$folder" && cp "$source/package.json" "$source/package-lock.json" "$folder/" || return
    (cd "$folder" && at_most_minutes 5 npm ci --silent --ignore-scripts --no-audit --no-fund) >&2 || return
    touch "$folder/complete"
  fi
  echo "$folder"
}

at_most_minutes() {
  if command -v timeout >/dev/null; then timeout "$1m" "${@:2}"; else "${@:2}"; fi
}
