"""Build the source bundle of an Elastic Beanstalk application version.

    python -m infra.bundle --image REGISTRY/smart-budget-planner:TAG --out build

The bundle contains no code, only the name of the image and the instance's
configuration. The same image and files give the same bytes.
"""

import argparse
import json
import re
import zipfile
from pathlib import Path

from infra.build_lambdas import ROOT, entry

DOCKERRUN = "Dockerrun.aws.json"
FOLDERS = (".ebextensions", ".platform")
# An image with a digest or a fixed tag; `latest` would change.
IMAGE = re.compile(
    r"[a-z0-9.-]+(:\d+)?/[a-z0-9._/-]+(:(?!latest$)[\w.-]+|@sha256:\w{64})"
)


def build(image: str, target: Path) -> Path:
    """Write the bundle that runs an image, and return `target`.

    Raises ValueError for an image without a registry or without a fixed tag.
    """
    if not IMAGE.fullmatch(image):
        raise ValueError(f"{image!r} does not name one image of a registry.")
    dockerrun = json.loads((ROOT / DOCKERRUN).read_text())
    dockerrun["Image"]["Name"] = image
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(entry(DOCKERRUN), json.dumps(dockerrun, indent=2))
        for folder in FOLDERS:
            for path in sorted((ROOT / folder).rglob("*")):
                if path.is_file():
                    mode = 0o755 if path.suffix == ".sh" else 0o644
                    name = path.relative_to(ROOT).as_posix()
                    bundle.writestr(entry(name, mode), path.read_bytes())
    return target


def main() -> None:
    """Write the bundle and print its path."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    tag = re.split("[:@]", options.image)[-1]
    print(build(options.image, options.out / f"web-{tag}.zip"))  # noqa: T201


if __name__ == "__main__":
    main()
