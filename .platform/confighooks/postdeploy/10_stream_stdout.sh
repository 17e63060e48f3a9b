#!/usr/bin/env bash
# The same hook, for changes of the environment's options.
set -euo pipefail

exec bash "$(dirname "$0")/../../hooks/postdeploy/10_stream_stdout.sh"
