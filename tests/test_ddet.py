"""Importing ddet: nothing calls home afterwards, and what the user has set stays."""

import json
import os
import subprocess
import sys
import tomllib

import pytest

import ddet
from ddet import paths

SET = {"NO_ALBUMENTATIONS_UPDATE": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DVC_NO_ANALYTICS": "1"}


def environment_after(code: str, **given: str) -> dict[str, str]:
    """Run `import ddet; code` in a fresh process that has only `given` of these variables; return them as left."""
    env = {name: value for name, value in os.environ.items() if name not in SET} | given
    shown = f"import ddet\n{code}\nimport json, os\nprint(json.dumps({{k: os.environ.get(k) for k in {list(SET)}}}))"
    done = subprocess.run(
        [sys.executable, "-c", shown], capture_output=True, text=True, env=env, cwd=paths.ROOT, check=True
    )
    return json.loads(done.stdout)


def test_no_library_may_call_home():
    assert environment_after("") == SET


@pytest.mark.parametrize("name", SET)
def test_what_the_user_has_set_stays(name):
    assert environment_after("", **{name: "0"}) == SET | {name: "0"}


def test_it_imports_no_library():
    heavy = "assert not {'torch', 'numpy', 'pandas', 'albumentations'} & set(sys.modules), 'too late to set anything'"
    environment_after(f"import sys\n{heavy}")


def test_the_version_is_that_of_the_package():
    assert ddet.__version__ == tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]["version"]
