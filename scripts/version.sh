#!/usr/bin/env bash
# Print the version of this commit, such as 0.1.0.321: pyproject.toml's and its commits.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml).$(git rev-list --count HEAD)"
