"""Build the Lambda zips: domain code, mail templates, locked packages, no Django.

    python -m infra.build_lambdas --out build/lambdas

builds them for AWS, as a deployment does; `build` without a target builds for the
running interpreter. A zip's name includes a hash of its content, so an unchanged zip
is neither built nor deployed again.
"""

import argparse
import compileall
import hashlib
import importlib.util
import os
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from infra import slim
from smartbudget.core import i18n

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "lambdas.txt"
LARGEST_LOCK = ROOT / "requirements" / "reports.txt"  # contains the other
# Lock files of the functions that need more packages than the others.
LOCKS = {"report_generator": LARGEST_LOCK}
APPS = ("accounts", "expenses", "budgets", "notifications", "profiles", "reports")
# Modules that import Django; the rest of an app is framework-free.
WEB_MODULES = frozenset(
    {
        "api",
        "apps",
        "authentication",
        "bulk_views",
        "device_cookie",
        "forms",
        "link_cookie",
        "login_responses",
        "middleware",
        "serializers",
        "session_cookie",
        "urls",
        "views",
    }
)
WEB_FOLDERS = frozenset({"management", "static", "templates"})
CANARY = ROOT / "infra" / "canary.py"
KEPT_ZIPS = 3  # per function
UNZIPPED_BYTES = 250 * 1024**2  # Lambda's limit, docs/aws.md#wheels
EPOCH = (1980, 1, 1, 0, 0, 0)  # zips of the same content are the same bytes


class BuildError(RuntimeError):
    """The zips could not be built; the message is the reason."""


@dataclass(frozen=True)
class Target:
    """The interpreter and platforms of a zip; by default those of this process."""

    python_version: str | None = None  # such as 3.13
    platforms: tuple[str, ...] = ()  # tags of accepted wheels: manylinux2014_x86_64

    @property
    def label(self) -> str:
        """A name for this target, different for each set of packages."""
        version = self.python_version or "{}.{}".format(*sys.version_info[:2])
        here = f"{sys.platform}-{os.uname().machine}"
        return f"{version}-{'-'.join(self.platforms) or here}"

    @property
    def pip_options(self) -> list[str]:
        """The options that make pip choose wheels for this target."""
        options = []
        if self.python_version:
            options += ["--implementation", "cp", "--python-version"]
            options += [self.python_version]
        for platform in self.platforms:
            options += ["--platform", platform]
        return options

    @property
    def has_running_version(self) -> bool:
        """Check whether the running interpreter can compile bytecode for it."""
        running_version = "{}.{}".format(*sys.version_info[:2])
        return self.python_version in {None, running_version}


# Wheels that Lambda's python3.13 can load (docs/aws.md#wheels). No single tag covers
# every package: Pillow has the first two, python-bidi the last.
AWS_LAMBDA = Target(
    "3.13",
    ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64"),
)


def function_names() -> list[str]:
    """Return the names of all functions that have a handler."""
    return sorted(path.parent.name for path in ROOT.glob("lambdas/*/handler.py"))


def build(out: Path, target: Target | None = None) -> dict[str, Path]:
    """Build the zips missing in `out` and return {function name: its zip}.

    Safe to repeat and to run concurrently. Raises BuildError.
    """
    target = target or Target()
    out.mkdir(parents=True, exist_ok=True)
    names = function_names()
    locks = {name: LOCKS.get(name, LOCK) for name in names}
    packages = _packages_zips(out, target, set(locks.values()))
    return {name: _function_zip(out, name, packages[locks[name]]) for name in names}


def build_canary(out: Path) -> Path:
    """Build the canary's zip, a single module, and return it. Safe to repeat."""
    content = CANARY.read_bytes()
    path = out / f"canary-{hashlib.sha256(content).hexdigest()[:20]}.zip"
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry("infra/__init__.py"), b"")
        archive.writestr(entry("infra/canary.py"), content)
    return path


def code_parameter(name: str) -> str:
    """Return the templates' parameter for the S3 key of a function's zip."""
    return "".join(part.title() for part in name.split("_")) + "CodeKey"


def code_files(name: str) -> Iterator[Path]:
    """Yield the project's files in one function's zip, relative to the root."""
    folders = [ROOT / "smartbudget" / "core", *(ROOT / app for app in APPS)]
    folders += [ROOT / "templates" / "email", i18n.CATALOGS]
    yield Path("smartbudget/__init__.py")
    if (ROOT / "lambdas" / "__init__.py").exists():
        yield Path("lambdas/__init__.py")
    for folder in [*folders, ROOT / "lambdas" / name]:
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(ROOT)
            if path.is_file() and not _is_left_out(relative):
                yield relative


def _is_left_out(path: Path) -> bool:
    if "__pycache__" in path.parts or path.suffix in {".pyc", ".po", ".pot"}:
        return True
    is_app = path.parts[0] in APPS
    return is_app and (
        path.stem in WEB_MODULES or not WEB_FOLDERS.isdisjoint(path.parts)
    )


def _function_zip(out: Path, name: str, packages: Path) -> Path:
    digest = hashlib.sha256(packages.name.encode())
    contents = {path: (ROOT / path).read_bytes() for path in code_files(name)}
    for path, content in contents.items():
        digest.update(f"\0{path.as_posix()}\0{len(content)}\0".encode() + content)
    target = out / f"{name}-{digest.hexdigest()[:20]}.zip"
    if target.exists():
        os.utime(target)  # so that _delete_old keeps it
        return target
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        draft = Path(scratch) / "draft.zip"
        shutil.copyfile(packages, draft)
        with zipfile.ZipFile(draft, "a", zipfile.ZIP_DEFLATED) as archive:
            for path, content in contents.items():
                archive.writestr(entry(path.as_posix()), content)
        _require_fits(name, draft)
        draft.replace(target)
    _delete_old(out, f"{name}-*.zip")
    return target


def _require_fits(name: str, path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(item.file_size for item in archive.infolist())
    if size > UNZIPPED_BYTES:
        raise BuildError(f"{name} is {size} bytes unzipped; Lambda takes 250 MB.")


def _packages_zips(
    out: Path, target: Target, locks: Iterable[Path]
) -> dict[Path, Path]:
    """Build the missing zips of packages and return {lock: its zip}."""
    archives = {lock: _packages_path(out, target, lock) for lock in locks}
    missing = {lock for lock, archive in archives.items() if not archive.exists()}
    for lock in archives.keys() - missing:
        os.utime(archives[lock])
    if not missing:
        return archives
    with tempfile.TemporaryDirectory(dir=out) as scratch:
        folder = Path(scratch) / "packages"
        _install(folder, target, LARGEST_LOCK)
        _prune(folder)
        if target.has_running_version:
            _compile(folder)
        for lock in missing:
            draft = Path(scratch) / "draft.zip"
            with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as zip_file:
                for name in sorted(_files_of(folder, lock)):
                    zip_file.writestr(entry(name), (folder / name).read_bytes())
            draft.replace(archives[lock])
            _delete_old(out, f"packages-{lock.stem}-*.zip")
    return archives


def _packages_path(out: Path, target: Target, lock: Path) -> Path:
    digest = hashlib.sha256(target.label.encode())
    recipe = Path(__file__).read_bytes() + Path(slim.__file__).read_bytes()
    digest.update(lock.read_bytes() + recipe)
    digest.update(repr(sorted(slim.LOCALES)).encode())
    return out / f"packages-{lock.stem}-{digest.hexdigest()[:20]}.zip"


def _files_of(folder: Path, lock: Path) -> Iterator[str]:
    """Yield the files of the packages in a lock and their bytecode, without scripts."""
    names = set(re.findall(r"^([a-z0-9-]+)==", lock.read_text(), re.MULTILINE))
    for package in metadata.distributions(path=[str(folder)]):
        if re.sub(r"[-_.]+", "-", package.name).lower() not in names:
            continue
        for file in package.files or ():
            bytecode = importlib.util.cache_from_source(str(file))
            for name in (str(file), *([bytecode] if file.suffix == ".py" else [])):
                if ".." not in file.parts and (folder / name).is_file():
                    yield name


def _install(folder: Path, target: Target, lock: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    command += ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    command += ["--target", str(folder), "--requirement", str(lock)]
    done = subprocess.run(  # noqa: S603 - no user input
        [*command, *target.pip_options], capture_output=True, text=True, check=False
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line]
        reason = errors[-1] if errors else done.stderr[-300:].strip()
        raise BuildError(f"The Lambda packages could not be installed: {reason}")


def _prune(folder: Path) -> None:
    slim.aws_models(folder)  # makes the zips ten times smaller
    shutil.rmtree(folder / "bin", ignore_errors=True)
    slim.locales(folder)
    # Only its bold Noto Sans is used; other fonts come from other packages.
    for path in (folder / "pymupdf_fonts").glob("*_*.py"):
        if path.stem not in {"__init__", "NotoSans_Bold"}:
            path.unlink()


def _compile(folder: Path) -> None:
    """Add bytecode, so that a cold start does not compile every module.

    The bytecode is not checked against its source, because unpacking a zip changes
    timestamps.
    """
    compileall.compile_dir(
        folder,
        quiet=2,
        stripdir=str(folder),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def entry(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    """Return the zip entry of a file, with a fixed date for reproducible zips."""
    info = zipfile.ZipInfo(name, date_time=EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = mode << 16  # Lambda runs as another user, who must read it
    return info


def _delete_old(out: Path, pattern: str) -> None:
    zips = sorted(out.glob(pattern), key=lambda path: path.stat().st_mtime)
    for path in zips[:-KEPT_ZIPS]:
        path.unlink(missing_ok=True)


def main() -> None:
    """Build the zips for AWS and print their paths."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    try:
        for name, path in build(options.out, AWS_LAMBDA).items():
            print(name, path)  # noqa: T201 - a command's output
    except BuildError as exc:
        sys.exit(str(exc))


if __name__ == "__main__":
    main()
