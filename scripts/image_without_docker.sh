#!/usr/bin/env bash
# Build the web image without Docker, and run it as Docker would.
#
#   scripts/image_without_docker.sh build        prints the image's name and size
#   scripts/image_without_docker.sh run [VAR=value ...]
#
# For machines that have access to Debian's packages but to no image registry: buildah
# builds in a chroot, and a new Debian with its Python of the same version replaces the base
# image. `run` starts the image's command with the image's user, as process 1 of a new
# process namespace, with a read-only root, and /tmp and /dev/shm in memory. Both need root.
# All files are in IMAGE_DIR (.local-build/image).
set -euo pipefail
cd "$(dirname "$0")/.."

IMAGE_DIR=$(realpath -m "${IMAGE_DIR:-.local-build/image}")
BASE=python:3.13-slim-trixie # replaces the one pinned in the Dockerfile
IMAGE=smart-budget-planner
CONFIG=$IMAGE_DIR/config.json
ROOTFS=$IMAGE_DIR/rootfs

main() {
  case "${1:-}" in
    build) build ;;
    run) shift && run "$@" ;;
    *) fail "usage: $0 build | run [VAR=value ...]" ;;
  esac
}

fail() {
  echo "$*" >&2
  exit 1
}

store() {
  BUILDAH_ISOLATION=chroot buildah --storage-driver vfs \
    --root "$IMAGE_DIR/storage" --runroot "$IMAGE_DIR/run" "$@"
}

build() {
  [ "$(id -u)" = 0 ] || fail "Building without Docker needs root."
  install_builder
  mkdir -p "$IMAGE_DIR"
  exec 9> "$IMAGE_DIR/lock"
  flock 9 # one at a time
  store rm --all > /dev/null # containers of earlier builds
  store images --quiet "$BASE" > /dev/null 2>&1 || make_base
  secrets=$(mktemp -d) # not local, since the trap runs after this function
  trap 'rm -rf "$secrets"' EXIT
  python3 scripts/pip_secrets.py "$secrets"
  store bud --quiet --pull-never --build-arg "BASE=$BASE" \
    --build-arg "COMMIT=$(git rev-parse HEAD 2> /dev/null || echo unknown)" \
    --secret "id=pip.conf,src=$secrets/pip.conf" --secret "id=ca.pem,src=$secrets/ca.pem" \
    --tag "$IMAGE" . > /dev/null
  unpack
  store images --filter "reference=localhost/$IMAGE" --format '{{.Name}} {{.Size}}'
}

install_builder() {
  command -v buildah > /dev/null && command -v debootstrap > /dev/null && return
  command -v apt-get > /dev/null || fail "buildah and debootstrap are missing, and so is apt-get."
  { apt-get -qq update && apt-get -qq install --yes --no-install-recommends buildah debootstrap; } \
    > /dev/null || fail "buildah and debootstrap could not be installed."
}

make_base() {
  local debian mirror container
  debian=$(mktemp -d "$IMAGE_DIR/debian.XXXX")
  # The mirror from which this machine installs its packages. apt expands $(REPO_URI).
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n 1p)
  debootstrap --variant=minbase --include=python3,python3-venv trixie \
    "$debian" "$mirror" > "$IMAGE_DIR/debootstrap.log" 2>&1 \
    || fail "Debian could not be installed: $(tail -1 "$IMAGE_DIR/debootstrap.log")"
  container=$(store from scratch)
  store add --quiet "$container" "$debian" / > /dev/null
  store commit --quiet --rm "$container" "$BASE" > /dev/null
  rm -rf "$debian"
}

# Store the image's files and settings for `run`.
unpack() {
  store rmi --prune > /dev/null # earlier builds
  ln -sfn "$(store mount "$(store from --pull-never "$IMAGE")")" "$ROOTFS"
  store inspect --type image "$IMAGE" > "$CONFIG"
}

run() {
  local user directory
  local -a command environment
  [ -e "$CONFIG" ] || fail "There is no image yet: $0 build"
  user=$(setting 'print(config["User"])')
  directory=$(setting 'print(config["WorkingDir"])')
  # Not `< <(...)`, which is not waited for: the container must be the only child process.
  mapfile -t command <<< "$(setting 'print(*config["Cmd"], sep="\n")')"
  mapfile -t environment <<< "$(setting 'print(*config["Env"], sep="\n")')"
  # Variables are expanded by the inner shell.
  # shellcheck disable=SC2016
  exec unshare --mount --pid --fork --kill-child --propagation private sh -euc '
    root=$1 user=$2 directory=$3
    shift 3
    mount --bind "$root" "$root"
    mount -o remount,bind,ro "$root"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount -t tmpfs tmpfs "$root/tmp"
    mount -t proc proc "$root/proc"
    mount --bind -o ro /etc/resolv.conf "$root/etc/resolv.conf"
    exec chroot --userspec="$user" "$root" \
      env --ignore-environment --chdir="$directory" "$@"
  ' sh "$(realpath "$ROOTFS")" "$user" "$directory" "${environment[@]}" "$@" "${command[@]}"
}

# Print one of the image's settings, selected with a line of Python.
setting() {
  python3 -c "import json, sys; config = json.load(open(sys.argv[1]))['OCIv1']['config']; $1" "$CONFIG"
}

main "$@"
