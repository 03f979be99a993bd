"""Ask for known vulnerabilities of every package in the lock: make audit-deps

uv does it, from the list of osv.dev, for which it needs a network; other words of the command line are passed on to
`uv audit`, as in `--ignore ID` and `--output-format json`. Exit 1 where a package has one.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from ddet import paths

UV = Path(sys.executable).with_name("uv")
LOCK = paths.ROOT / "requirements.txt"
UNREACHED = re.compile(r"error sending request|requires network access|dns error|Failed to fetch|timed out")


def script(lock: str) -> str:
    """Return an empty script that depends on all pins of the lock, markers included, which is what uv can audit."""
    pins = re.findall(r"^([A-Za-z0-9][^\s\\]*==[^\\\n]*[^\\\s])", lock, flags=re.M)
    head = ["# /// script", '# requires-python = ">=3.11"', "# dependencies = ["]
    return "\n".join([*head, *(f"#   {json.dumps(pin)}," for pin in pins), "# ]", "# ///", ""])


def audit(lock: Path, *words: str) -> int:
    """Print what uv found, or in one line that it needs a network; return 0, 1 where it found some, or 2."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "locked.py"
        file.write_text(script(lock.read_text(encoding="utf-8")), encoding="utf-8")
        command = [UV, "audit", "--preview-features", "audit-command", "--script", file, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and UNREACHED.search(done.stderr):
        cause = "not audited, since osv.dev or the index cannot be reached"
        print(f"{lock.name}: {cause}; run it with a network", file=sys.stderr)
        return 2
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(audit(LOCK, *sys.argv[1:]))
