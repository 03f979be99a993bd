"""The lock as uv audits it: every pin with its marker, what uv says is passed on, and no network is one line."""

import re
import sys

import pytest

from ddet import paths
from ddet.tools import audit_deps

LOCK = """\
torch==2.11.0 ; sys_platform == 'linux' and python_full_version < '3.15' \\
    --hash=sha256:aa
Foo_bar.baz==0.1 \\
    --hash=sha256:dd
    # via torch==9
"""


def test_every_pin_stands_in_the_script_with_its_marker_and_nothing_else():
    assert audit_deps.script(LOCK).splitlines() == [
        "# /// script",
        '# requires-python = ">=3.11"',
        "# dependencies = [",
        "#   \"torch==2.11.0 ; sys_platform == 'linux' and python_full_version < '3.15'\",",
        '#   "Foo_bar.baz==0.1",',
        "# ]",
        "# ///",
    ]


def test_none_of_our_lock_is_left_out():
    lock = paths.ROOT.joinpath("requirements.txt").read_text()
    names = re.findall(r"^([a-z0-9][^=\s]*)==", lock, flags=re.M)
    assert re.findall(r'^#   "([^=]+)==', audit_deps.script(lock), flags=re.M) == names and len(names) > 100


@pytest.fixture
def answering(tmp_path, monkeypatch):
    """Put a program in uv's place that prints its last words, and what it is told to, and ends as it is told to."""

    def answer(out: str, err: str, code: int):
        fake = tmp_path / "uv"
        body = f"import sys\nprint({out!r}, sys.argv[-1], end='')\nsys.stderr.write({err!r})\nsys.exit({code})\n"
        fake.write_text(f"#!{sys.executable}\n{body}")
        fake.chmod(0o755)
        monkeypatch.setattr(audit_deps, "UV", fake)
        (tmp_path / "requirements.txt").write_text(LOCK)
        return tmp_path / "requirements.txt"

    return answer


@pytest.mark.parametrize(("code", "err"), [(0, ""), (1, "1 vulnerability\n"), (2, "error: no such option\n")])
def test_what_uv_says_is_passed_on(answering, capsys, code, err):
    assert audit_deps.audit(answering("found", err, code), "--ignore=X") == code
    said = capsys.readouterr()
    assert (said.out, said.err) == ("found --ignore=X", err)


@pytest.mark.parametrize(
    "err",
    [
        "error: Request failed after 3 retries\n  cause: error sending request for url (https://api.osv.dev/v1)\n",
        "error: Auditing requires network access and cannot be performed in offline mode\n",
    ],
)
def test_without_a_network_there_is_one_line(answering, capsys, err):
    assert audit_deps.audit(answering("", err, 2)) == 2
    cause = "not audited, since osv.dev or the index cannot be reached"
    assert capsys.readouterr().err == f"requirements.txt: {cause}; run it with a network\n"


def test_uv_is_the_one_of_the_lock():
    assert audit_deps.UV.is_file()
