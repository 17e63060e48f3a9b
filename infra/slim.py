"""Delete files of installed packages that the application never reads.

    python -m infra.slim /venv

botocore describes 400 services in 25 MB of JSON, and Babel 1,100 locales in 30 MB.
"""

import shutil
import sys
from pathlib import Path

from smartbudget.core import i18n

# The services that the code uses.
AWS_SERVICES = frozenset({"dynamodb", "lambda", "s3", "sesv2", "sns", "sqs", "sts"})

# All locales inherit from root.
LOCALES = frozenset({"root", *(code[:2] for code in i18n.LANGUAGES)})


def aws_models(packages: Path) -> None:
    """Delete the models of unused services. packages: a site-packages folder."""
    for kind in ("botocore", "boto3"):
        for path in (packages / kind / "data").iterdir():
            if path.is_dir() and path.name not in AWS_SERVICES:
                shutil.rmtree(path)
    shutil.rmtree(packages / "boto3" / "examples", ignore_errors=True)


def locales(packages: Path) -> None:
    """Delete all locales except those of the application's languages."""
    for path in (packages / "babel" / "locale-data").iterdir():
        if path.stem.partition("_")[0] not in LOCALES:
            path.unlink()
    shutil.rmtree(packages / "babel" / "messages")  # reads and writes catalogs


def static_sources(packages: Path) -> None:
    """Delete the sources of collected static files, which are served elsewhere."""
    shutil.rmtree(packages / "drf_spectacular_sidecar" / "static")


def translation_sources(packages: Path) -> None:
    """Delete the sources of compiled translations."""
    for path in packages.rglob("*.po"):
        path.unlink()


def main() -> None:
    """Slim the virtual environment given on the command line."""
    for packages in Path(sys.argv[1]).glob("lib/python3*/site-packages"):
        aws_models(packages)
        locales(packages)
        static_sources(packages)
        translation_sources(packages)


if __name__ == "__main__":
    main()
