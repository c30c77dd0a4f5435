#!/usr/bin/env bash
# Records captures/*.pb anew, all versions or those named: tests/interop/record.sh 1.55.2
# Needs Linux and root, for a host of another name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./install.sh

interop=$(driver_binary)
# The resource names the program's path and its host. Neither shall be this machine's.
place=/tmp/relay
mkdir "$place"
trap 'rm -r "$place"' EXIT
if [[ $# == 0 ]]; then set -- 1.45.6 1.49.0 1.55.2; fi
for version in "$@"; do
  cp "$(relayproxy_binary "$version")" "$place/relayproxy"
  unshare --uts sh -c 'hostname relay && exec "$@"' sh "$interop" record \
    -relayproxy "$version=$place/relayproxy" -flags relayproxy/flags.goff.yaml -captures captures
done
