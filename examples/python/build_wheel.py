"""Makes a wheel of this platform, which carries the shared library: python build_wheel.py LIBRARY [OUT]."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = {"Linux": "libguanxi.so.0", "Darwin": "libguanxi.0.dylib", "Windows": "guanxi.dll"}


def main(library: str, out: str = "dist") -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(HERE, tree, ignore=shutil.ignore_patterns("dist", "build", "*.egg-info", "__pycache__"))
        shutil.copy(library, tree / "src" / "guanxi" / NAMES[platform.system()])
        made = Path(folder) / "made"
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(made), str(tree)], check=True
        )
        (wheel,) = made.glob("*.whl")
        # The modules are of any Python 3, the library of one platform.
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        subprocess.run(
            [sys.executable, "-m", "wheel", "tags", "--remove", "--platform-tag", tag, str(wheel)], check=True
        )
        (wheel,) = made.glob("*.whl")
        Path(out).mkdir(exist_ok=True)
        print(shutil.copy(wheel, out))


if __name__ == "__main__":
    main(*sys.argv[1:])
