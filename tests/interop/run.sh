#!/usr/bin/env bash
# Real programs around burgee: GO Feature Flag's relay proxy and applications that ask it for flags in front of it, an
# OpenTelemetry Collector behind it.
# README.md tells what is checked. The last line is `N passed, M failed, K skipped`; a failure exits non-zero.
#
#   tests/interop/run.sh              the relay proxy v1.49.0; for the doctor v1.40.0, too
#   INTEROP=all tests/interop/run.sh  one version of each generation
#   BURGEE=path tests/interop/run.sh  this binary instead of a release build of the working tree
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./install.sh

if ! command -v go >/dev/null; then
  echo "interop: SKIPPED. Go is not installed, and the relay proxy and the Collector are built with it." >&2
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi

# For the doctor: healthy ones, one that does not read `traceparent`, the same without a version, one that sends nothing.
versions=(1.49.0) patients=(1.49.0 1.40.0)
if [[ ${INTEROP:-} == all ]]; then
  versions=(1.45.6 1.49.0 1.55.2) patients=(1.49.0 1.55.2 1.40.0 1.40.0-localdev 1.31.1)
fi

if [[ -z ${BURGEE:-} ]]; then
  cargo build --release --quiet --manifest-path ../../Cargo.toml
  BURGEE="${CARGO_TARGET_DIR:-../../target}/release/burgee"
fi

collector=$(collector_binary)
relayproxies=()
for version in "${versions[@]}"; do
  binary=$(relayproxy_binary "$version")
  relayproxies+=(-relayproxy "$version=$binary")
done
for version in "${patients[@]}"; do
  binary=$(relayproxy_binary "$version")
  relayproxies+=(-patient "$version=$binary")
done
senders=()
if missing=$(python_lacks) && [[ -z $missing ]]; then
  for name in python-hooks-0.2.0 python-hooks-0.3.1; do
    folder=$(python_sender "$name")
    senders+=(-sender "$name=$folder")
  done
else
  senders+=(-skip "applications in Python: $missing")
fi
if missing=$(node_lacks) && [[ -z $missing ]]; then
  for name in node-hooks-0.4.0 node-hooks-1.0.0; do
    folder=$(node_sender "$name")
    senders+=(-sender "$name=$folder")
  done
else
  senders+=(-skip "applications in JavaScript: $missing")
fi
interop=$(driver_binary)

# The driver starts the programs and ends them by the ids it got.
exec "$interop" check "${relayproxies[@]}" -flags relayproxy/flags.goff.yaml \
  "${senders[@]}" -sources senders -senders-config senders.yaml \
  -collector "$collector" -collector-config collector/config.yaml \
  -burgee "$BURGEE" -burgee-config burgee.yaml -doctor-config doctor.yaml
