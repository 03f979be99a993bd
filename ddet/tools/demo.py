"""Run the whole pipeline at smoke size beside the checkout: python -m ddet.tools.demo [FOLDER]

What git tracks is copied into a folder of its own (demo/, which git ignores), with profiles/smoke.yaml as params.yaml
and without the reports of the default run, and the pipeline runs there, stages side by side. The checkout itself stays
as it is. The folder is kept: another call copies what has changed and runs only what depends on that.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ddet import paths
from ddet.errors import InputError

LEFT_OUT = ("reports/", "data/results/", "dvc.lock", "params.yaml")  # what belongs to the run of the default profile
MEANING = "Smoke size: a few clips and a training step or two per fit. The numbers mean nothing; only the way is shown."


def lay_out(folder: Path, source: Path = paths.ROOT, profile: str = "smoke") -> int:
    """Copy what git tracks below `source` into `folder`, with the params of `profile`; return the number of files.

    `profile` names a file of profiles/; "default" is params.yaml itself.

    DVC is told that the folder is no git repository of its own. Files of an earlier demo stay where they are.

    Raises:
        InputError: `source` is no git checkout, or `folder` holds something else than a demo.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / ".dvc/config.local").is_file():
        raise InputError(folder, "is not empty and no demo", "name another folder, or remove it")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=source, capture_output=True, text=True)
    if listed.returncode:
        raise InputError(source, "is no git checkout", "clone the repository with git")
    names = [n for n in listed.stdout.split("\0") if n and not n.startswith(LEFT_OUT) and (source / n).is_file()]
    for name in names:
        target = folder / name
        if not target.is_file() or target.read_bytes() != (source / name).read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target)
    shutil.copyfile(
        source / (f"profiles/{profile}.yaml" if profile != "default" else "params.yaml"), folder / "params.yaml"
    )
    (folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    return len(names)


def _main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=paths.ROOT / "demo")
    folder, began = parser.parse_args(argv).folder.resolve(), time.monotonic()
    try:
        print(f"demo: {lay_out(folder)} files in {folder}, profile smoke", flush=True)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    env = {**os.environ, "PYTHONPATH": str(folder), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run([sys.executable, "-m", "ddet.tools.side_by_side"], cwd=folder, env=env)
    if done.returncode == 0:
        print(f"\ndemo: {(time.monotonic() - began) / 60:.1f} minutes. {MEANING}\n{folder / 'reports/index.html'}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
