#!/usr/bin/env bash
# Build this commit's web image, try it, push it, and wait for its scan.
#
#   scripts/push_image.sh REPOSITORY_URI      prints image=REPOSITORY_URI:COMMIT
#
# Tags except `latest` cannot be moved, so an existing image is neither built nor pushed
# again. Only a scanned image is tagged with the version and `latest`.
set -euo pipefail
cd "$(dirname "$0")/.."

main() {
  local uri=$1 registry repository commit version image tag
  registry=${uri%%/*}
  repository=${uri#*/}
  commit=$(git rev-parse HEAD)
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml).$(git rev-list --count HEAD)
  image=$uri:$commit
  aws ecr get-login-password | docker login --username AWS --password-stdin "$registry" >&2
  if is_pushed "$repository" "$commit"; then
    docker pull --quiet "$image" >&2
  else
    # Without attestations, which would turn the image into an index that ECR does not scan.
    docker build --pull --provenance=false --sbom=false --tag "$image" \
      --build-arg "COMMIT=$commit" --build-arg "VERSION=$version" . >&2
    scripts/try_image.sh "$image" >&2
    docker push --quiet "$image" >&2
  fi
  python -m infra.scan "$repository" "$commit" >&2
  for tag in "$version" latest; do
    if [ "$tag" = latest ] || ! is_pushed "$repository" "$tag"; then
      docker tag "$image" "$uri:$tag"
      docker push --quiet "$uri:$tag" >&2
    fi
  done
  echo "image=$image"
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
