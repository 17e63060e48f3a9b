"""Leave out of installed packages what the program never reads.

    python -m infra.slim /venv

botocore describes 400 services in 25 MB of JSON, and Babel 1,100 locales in 30 MB.
"""

import shutil
import sys
from pathlib import Path

from smartbudget.core import i18n

# The services that the code calls.
AWS_SERVICES = frozenset({"dynamodb", "lambda", "s3", "sesv2", "sns", "sqs", "sts"})

# root holds what the others have in common.
LOCALES = frozenset({"root", *(code[:2] for code in i18n.LANGUAGES)})


def aws_models(packages: Path) -> None:
    """Leave only the services that the code calls. packages: a site-packages."""
    for kind in ("botocore", "boto3"):
        for path in (packages / kind / "data").iterdir():
            if path.is_dir() and path.name not in AWS_SERVICES:
                shutil.rmtree(path)
    shutil.rmtree(packages / "boto3" / "examples", ignore_errors=True)


def locales(packages: Path) -> None:
    """Leave only the locales of the languages that the program speaks."""
    for path in (packages / "babel" / "locale-data").iterdir():
        if path.stem.partition("_")[0] not in LOCALES:
            path.unlink()
    shutil.rmtree(packages / "babel" / "messages")  # reads and writes catalogs


def static_sources(packages: Path) -> None:
    """Leave out what static files were collected from; they are served from there."""
    shutil.rmtree(packages / "drf_spectacular_sidecar" / "static")


def translation_sources(packages: Path) -> None:
    """Leave out what translations were compiled from."""
    for path in packages.rglob("*.po"):
        path.unlink()


def main() -> None:
    """Slim the environment that is named."""
    for packages in Path(sys.argv[1]).glob("lib/python3*/site-packages"):
        aws_models(packages)
        locales(packages)
        static_sources(packages)
        translation_sources(packages)


if __name__ == "__main__":
    main()
