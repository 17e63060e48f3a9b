#!/usr/bin/env bash
# A change of the environment's options is a deployment, too.
set -euo pipefail

exec bash "$(dirname "$0")/../../hooks/postdeploy/10_stream_stdout.sh"
