# shellcheck shell=bash
# Builds what burgee is tested against, from the Go module proxy and by pinned version, and the driver that tests it.
# Sourced by run.sh and record.sh. Each function prints the path of a binary; foreign ones are built once per version.

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
#
# `go install …/cmd/relayproxy@v1.49.0` would do for that version alone: newer ones have `replace` lines in their
# go.mod, which Go then refuses. A module of ours that requires the relay proxy and repeats those lines builds
# every version alike. Its go.sum starts as the relay proxy's own: that came inside a module whose hash the
# checksum database vouches for, and knows the hashes of submodules which the database may not list.
relayproxy_binary() {
  local version=$1 binary="$CACHE/relayproxy-$1" module=github.com/thomaspoignant/go-feature-flag source build
  if [[ ! -x $binary ]]; then
    echo "interop: building the GO Feature Flag relay proxy $version (some minutes, once)" >&2
    build=$(build_folder "relayproxy-$version") || return
    source=$(cd "$build" && go mod download -json "$module@v$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p') || return
    {
      printf 'module relayproxy\n\nrequire %s v%s\n\n' "$module" "$version"
      grep -E '^(go|replace) ' "$source/go.mod"
    } >"$build/go.mod" || return
    cp "$source/go.sum" "$build/go.sum" && chmod u+w "$build/go.sum" || return
    (cd "$build" && "${GO_BUILD[@]}" -mod=mod -ldflags "-X main.version=$version" -o "$binary.new" "$module/cmd/relayproxy") >&2 || return
    mv "$binary.new" "$binary"
    rm -rf "$build"
  fi
  echo "$binary"
}

# The OpenTelemetry Collector with the components of collector/builder.yaml, and nothing else.
collector_binary() {
  local binary="$CACHE/otelcol-$COLLECTOR_VERSION" build
  if [[ ! -x $binary ]]; then
    echo "interop: building the OpenTelemetry Collector $COLLECTOR_VERSION (a minute, once)" >&2
    build=$(build_folder "otelcol-$COLLECTOR_VERSION") || return
    sed "s/VERSION/$COLLECTOR_VERSION/" "$INTEROP_DIR/collector/builder.yaml" >"$build/builder.yaml"
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
