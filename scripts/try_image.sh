#!/usr/bin/env bash
# Run an image as in production, and check that it responds and stops.
#
#   scripts/try_image.sh IMAGE
set -euo pipefail

GRACE_SECONDS=30 # more than gunicorn's graceful_timeout

main() {
  local image=$1
  container=$(docker run --detach --read-only --tmpfs /tmp --cap-drop ALL \
    --security-opt no-new-privileges --publish 127.0.0.1::8000 \
    --env AWS_REGION=us-east-1 --env SECRET_KEY=only-to-try-it "$image")
  trap 'docker rm --force "$container" > /dev/null' EXIT
  address=$(docker port "$container" 8000 | sed -n 1p)
  wait_for "http://$address/health"
  [ "$(docker exec "$container" id -u)" = 10001 ] || fail "It does not run as user 10001."
  docker stop --time "$GRACE_SECONDS" "$container" > /dev/null
  local code
  code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
  [ "$code" = 0 ] || fail "It exited with $code when it was stopped."
  echo "$image runs, responds and stops."
}

wait_for() {
  for _ in {1..60}; do
    curl --silent --fail --max-time 5 --output /dev/null "$1" && return
    sleep 0.5
  done
  fail "It did not respond."
}

fail() {
  docker logs "$container" >&2
  echo "$1" >&2
  exit 1
}

main "$@"
