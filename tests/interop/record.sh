#!/usr/bin/env bash
# Records captures/*.pb anew, all versions or those named: tests/interop/record.sh 1.55.2
# or what applications send: tests/interop/record.sh applications
# Needs Linux and root, for a host of another name.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./install.sh

interop=$(driver_binary)
# The resource names the program's path and its host. Neither shall be this machine's.
place=/tmp/relay
mkdir "$place"
trap 'rm -r "$place"' EXIT
if [[ $# == 0 ]]; then set -- 1.45.6 1.49.0 1.55.2 applications; fi
for version in "$@"; do
  if [[ $version == applications ]]; then
    senders=()
    for name in python-hooks-0.2.0 python-hooks-0.3.1; do
      folder=$(python_sender "$name")
      senders+=(-sender "$name=$folder")
    done
    for name in node-hooks-0.4.0 node-hooks-1.0.0; do
      folder=$(node_sender "$name")
      senders+=(-sender "$name=$folder")
    done
    relay=$(relayproxy_binary 1.49.0)
    "$interop" record -relayproxy "1.49.0=$relay" -flags relayproxy/flags.goff.yaml -captures captures \
      -sources senders "${senders[@]}"
    continue
  fi
  cp "$(relayproxy_binary "$version")" "$place/relayproxy"
  unshare --uts sh -c 'hostname relay && exec "$@"' sh "$interop" record \
    -relayproxy "$version=$place/relayproxy" -flags relayproxy/flags.goff.yaml -captures captures
done
