"""Write this machine's pip settings to files for a build: pip.conf and ca.pem.

    python3 scripts/pip_secrets.py FOLDER

Only what a build in a container can use: URLs, and the content of the certificates.
"""

import subprocess
import sys
from pathlib import Path

PASSED_ON = {"default-timeout", "extra-index-url", "index-url", "proxy", "timeout"}
PASSED_ON |= {"trusted-host"}
CA = "/run/secrets/ca.pem"  # the path in the Dockerfile


def settings() -> dict[str, str]:
    """Return pip's settings from its files and environment variables."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    values = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        values[name.rpartition(".")[2]] = value.strip("'\"")
    return values


def main() -> None:
    """Write both files."""
    folder, known = Path(sys.argv[1]), settings()
    certificates = Path(known["cert"]).read_bytes() if known.get("cert") else b""
    lines = ["[global]"]
    for name in sorted(PASSED_ON & known.keys()):
        # This machine's folders do not exist in the build.
        values = [part for part in known[name].split() if "file:" not in part]
        if values:
            lines.append(f"{name.removeprefix('default-')} = {' '.join(values)}")
    if certificates:
        lines.append(f"cert = {CA}")
    (folder / "pip.conf").write_text("\n".join([*lines, ""]))
    (folder / "ca.pem").write_bytes(certificates)


if __name__ == "__main__":
    main()
