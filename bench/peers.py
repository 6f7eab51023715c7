"""What the comparisons need besides Tradewind: pinned Python packages in a folder of their own, and the binary.

`need("duckdb")` makes sure that the package is there at the version of requirements.txt: when it is not, it is installed into
a virtual environment under the cache folder and the script starts again inside it. What cannot be had is told in one line that
begins with SKIP, and the script ends with exit code 0.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NoReturn

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tradewind"
VENV = CACHE / "venv"


def skip(reason: str) -> NoReturn:
    """Ends the script: something it needs cannot be had here."""
    print(f"SKIP {Path(sys.argv[0]).name}: {reason}", flush=True)
    sys.exit(0)


def pinned() -> dict[str, str]:
    """Package → version, from requirements.txt."""
    lines = (BENCH / "requirements.txt").read_text().splitlines()
    return dict(line.split("==", 1) for line in lines if line and not line.startswith("#"))


def need(*packages: str) -> None:
    """Goes on only with these packages at their pinned versions; may start the script again inside the environment."""
    missing = [name for name in packages if not _installed(name)]
    if not missing:
        return
    python = VENV / "bin" / "python"
    if Path(sys.prefix).resolve() != VENV.resolve():
        if not python.exists():
            VENV.parent.mkdir(parents=True, exist_ok=True)
            try:
                venv.create(VENV, with_pip=True, clear=VENV.exists())
            except (subprocess.CalledProcessError, OSError) as error:
                skip(f"cannot make a Python environment in {VENV} ({error}); install the python3-venv package")
        os.execv(python, [str(python), *sys.argv])
    wanted = [f"{name}=={pinned()[name]}" for name in missing]
    print(f"installing {' '.join(wanted)} into {VENV} (once)", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted],
            stdout=sys.stderr,
            timeout=900,
        )
        failed = done.returncode != 0
    except subprocess.TimeoutExpired:
        failed = True
    if failed:
        skip(f"pip could not install {' '.join(wanted)}; is PyPI within reach?")
    importlib.invalidate_caches()


def need_apart(package: str) -> None:
    """As `need`, in an environment of the package's own: it wants other versions of what the others want."""
    global VENV
    VENV = VENV.with_name(f"venv-{package}")
    need(package)


def _installed(package: str) -> bool:
    try:
        return importlib.metadata.version(package) == pinned()[package]
    except importlib.metadata.PackageNotFoundError:
        return False


def tradewind() -> str:
    """The binary: $TRADEWIND_BIN, else the one that `make build` leaves."""
    named = os.environ.get("TRADEWIND_BIN")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(named) if named else target / "release" / "tradewind"
    if not path.exists():
        skip(f"{path} is not built; run `make build`, or name the binary with TRADEWIND_BIN")
    return str(path.resolve())


def java() -> str:
    """Java's own words on its version; Spark runs on it."""
    if shutil.which("java") is None:
        skip("there is no `java`; Spark needs Java 17 or newer (Debian: openjdk-17-jre-headless)")
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=60)
    return (told.stderr or told.stdout).splitlines()[0]
