#!/usr/bin/env bash
# Push a web image that scripts/build_image.sh saved, and wait for its scan.
#
#   scripts/push_image.sh REPOSITORY_URI image.tar    prints image=REPOSITORY_URI:TAG
#
# The tag is the commit and the start of the image's id. Tags except `latest` cannot be
# moved, so an existing image is not pushed again. Only a scanned image is tagged with the
# version and `latest`.
set -euo pipefail
cd "$(dirname "$0")/.."

main() {
  local uri=$1 file=$2 registry repository commit version id tag name
  registry=${uri%%/*}
  repository=${uri#*/}
  commit=$(git rev-parse HEAD)
  version=$(scripts/version.sh)
  docker load --quiet --input "$file" >&2
  id=$(docker image inspect --format '{{.Id}}' "smart-budget-planner:$commit")
  id=${id#sha256:}
  tag=$commit-${id:0:12}
  docker tag "smart-budget-planner:$commit" "$uri:$tag"
  aws ecr get-login-password | docker login --username AWS --password-stdin "$registry" >&2
  if ! is_pushed "$repository" "$tag"; then
    docker push --quiet "$uri:$tag" >&2
  fi
  python -m infra.scan "$repository" "$tag" >&2
  for name in "$version" latest; do
    if [ "$name" = latest ] || ! is_pushed "$repository" "$name"; then
      docker tag "$uri:$tag" "$uri:$name"
      docker push --quiet "$uri:$name" >&2
    fi
  done
  echo "image=$uri:$tag"
}

# Only a missing image means no; without permission, for example, nothing is known.
is_pushed() {
  local error
  if error=$(aws ecr describe-images --repository-name "$1" --image-ids "imageTag=$2" 2>&1 > /dev/null); then
    return 0
  fi
  if [[ $error == *ImageNotFoundException* ]]; then
    return 1
  fi
  echo "$error" >&2
  exit 1
}

main "$@"
