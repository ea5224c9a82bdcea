"""How long `import dsl_debug` takes, in a Python that starts without site-packages."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.clock import best

ROOT = Path(__file__).resolve().parent.parent


def measure(quick: bool) -> dict[str, Any]:
    """Milliseconds of a process that imports the package, beside one that imports nothing."""
    repeats = 5 if quick else 30
    bare = best(partial(start, "pass"), repeats) * 1e3
    with_package = best(partial(start, "import dsl_debug"), repeats) * 1e3
    return {"python_ms": round(bare, 1), "with_package_ms": round(with_package, 1)}


def start(code: str) -> None:
    """A whole process, in which the package is found as it is in the repository."""
    subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, check=True)
