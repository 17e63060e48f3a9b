#!/usr/bin/env bash
# Build this commit's web image, try it, and save it, so that every stage gets the same one.
#
#   scripts/build_image.sh image.tar
set -euo pipefail
cd "$(dirname "$0")/.."

main() {
  local file=$1 commit image
  commit=$(git rev-parse HEAD)
  image=smart-budget-planner:$commit
  # Without attestations, which would turn the image into an index that ECR does not scan.
  docker build --pull --provenance=false --sbom=false --tag "$image" \
    --build-arg "COMMIT=$commit" --build-arg "VERSION=$(scripts/version.sh)" .
  scripts/try_image.sh "$image"
  mkdir -p "$(dirname "$file")"
  docker save --output "$file" "$image"
}

main "$@"
