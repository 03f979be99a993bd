"""Write environment.yml, the conda route, from the lock: python -m ddet.tools.conda > environment.yml"""

import re
import sys
import tomllib

from ddet import paths

HEADER = "# Written by `make lock` from requirements.txt: the direct dependencies at the lock's pins."
PYTHON = "3.11"  # the lock is resolved from this version upwards


def pins(lock: str) -> dict[str, str]:
    """Read `name -> version` for the Python of the conda route out of a requirements.txt with markers."""
    found = {}
    for name, version, marker in re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)(?: ; ([^\\]*))?", lock, flags=re.M):
        if not marker or "python_full_version >= '3.12'" not in marker:
            found[_normal(name)] = version
    return found


def direct(pyproject: str) -> list[str]:
    """Return the direct dependencies in pyproject.toml, the developers' tools included."""
    project = tomllib.loads(pyproject)["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return sorted(_normal(re.match(r"[A-Za-z0-9_.-]+", spec)[0]) for spec in wanted)


def _normal(name: str) -> str:
    """Return a package name as the lock spells it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def environment(lock: str, pyproject: str) -> str:
    """Return the text of environment.yml."""
    locked = pins(lock)
    lines = [HEADER, "name: ddet", "channels: [conda-forge]", "dependencies:"]
    lines += [f"  - python={PYTHON}", "  - pip", "  - pip:"]
    lines += [f"      - {name}=={locked[name]}" for name in direct(pyproject)]
    return "\n".join([*lines, "      - -e .", ""])


if __name__ == "__main__":
    lock, project = (paths.ROOT / name for name in ("requirements.txt", "pyproject.toml"))
    sys.stdout.write(environment(lock.read_text(), project.read_text()))
