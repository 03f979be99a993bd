"""The same bits whatever the caller exported, and a check that can fail."""

import json
import os
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from test_isa import HOSTILE, needs_avx2

from ddet import isa, paths
from ddet.errors import InputError
from ddet.tools.bits import __main__ as command
from ddet.tools.bits import digest, primitives, record

NO_AVX2 = "glibc.cpu.hwcaps=-AVX2"
LINE = {"cpu": "A", "flags": ["avx2"], "isa": "avx2", "libraries": {"numpy": "1"}}
MOVED = {  # by each of these variables where nothing is pinned; MKL_CBWR moves nothing on an AMD CPU
    "ATEN_CPU_CAPABILITY": "torch sigmoid",
    "ONEDNN_MAX_CPU_ISA": "torch conv 3x3",
    "OPENBLAS_CORETYPE": "numpy matmul float32",
    "NPY_DISABLE_CPU_FEATURES": "numpy exp float32",
    "OPENCV_IPP": "opencv resize cubic",
    "OPENCV_CPU_DISABLE": "opencv remap",
    "GLIBC_TUNABLES": "math exp sin pow",
}


@pytest.fixture(autouse=True)
def threads():
    """Give the process its thread counts back."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


def primitives_under(env: dict, root=paths.ROOT) -> dict[str, str]:
    """Compute the single operations in a process of its own, started with `env` exported."""
    names = {*isa.PINS, *isa.UNSET, "GLIBC_TUNABLES"}
    clean = {k: v for k, v in os.environ.items() if k not in names} | {"PYTHONPATH": str(root)}
    code = "import ddet, json, torch; torch.set_num_threads(1); from ddet.tools.bits import primitives as p"
    done = subprocess.run([sys.executable, "-c", f"{code}; print(json.dumps(p.compute()))"],
                          env=clean | env, cwd=root, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_avx2
def test_the_bits_are_the_same_whatever_the_caller_exported():
    assert primitives_under(HOSTILE) == primitives_under({})


def test_torchs_square_root_is_not_the_exact_one():
    """So its hash may differ, and no optimiser calls it (test_learn); its inverse is exact."""
    x = np.abs(primitives.numbers(4096)) + np.float32(1)
    made = torch.from_numpy(x)
    assert isa.missing() or (made.sqrt().numpy() != np.sqrt(x)).mean() > 0.01
    assert (made.rsqrt().numpy() == np.float32(1) / np.sqrt(x)).all()


@needs_avx2
def test_without_the_pins_they_are_not(tmp_path):
    """So the test above can fail."""
    shutil.copytree(paths.ROOT / "ddet", tmp_path / "ddet", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "params.yaml").write_text("runtime:\n  isa: native\n")
    plain, other = (primitives_under(env, tmp_path) for env in ({}, HOSTILE | {"GLIBC_TUNABLES": NO_AVX2}))
    assert [name for name in MOVED.values() if other[name] == plain[name]] == []


@needs_avx2
def test_this_machine_computes_what_is_recorded(capsys):
    assert command._main(["--check", "primitives", "fits"]) == 0, capsys.readouterr().out


def made(**hashes) -> dict:
    return {"g": {"code": "c", "hashes": hashes}}


def words(hashes: dict, *lines: dict, may_differ=()) -> list[str]:
    kept = {"may_differ": list(may_differ), "machines": [LINE | line for line in lines]}
    return list(record.compare(LINE, made(**hashes), kept).values())


def test_a_hash_is_equal_or_differs_or_is_not_recorded():
    assert words({"x": "1", "y": "2", "z": "3"}, {"groups": made(x="1", y="9")}) == ["equal", "DIFFERS", "not recorded"]
    assert words({"x": "1"}, {"groups": {"g": {"code": "other", "hashes": {"x": "2"}}}}) == ["not recorded"]
    assert words({"x": "1"}) == words({"x": "1"}, {"groups": {}}) == ["not recorded"]


def test_other_code_that_gave_the_same_is_a_witness_and_condemns_nothing():
    older = {"cpu": "B", "groups": {"g": {"code": "other", "hashes": {"x": "1", "y": "9"}}}}
    assert words({"x": "1", "y": "2"}, older) == ["equal", "not recorded"]
    assert words({"x": "1"}, older, {"groups": made(x="2")}) == ["DIFFERS"], "what the same code gave decides"


def test_every_recorded_machine_must_agree():
    assert words({"x": "1"}, {"groups": made(x="1")}, {"cpu": "B", "groups": made(x="2")}) == ["DIFFERS"]
    assert words({"x": "1"}, {"groups": made(x="2")}, may_differ=["x"]) == ["may differ"]
    assert words({"x": "1"}, {"groups": made(x="1")}, may_differ=["x"]) == ["equal"]


def test_other_libraries_do_not_condemn():
    far = {"libraries": {"numpy": "2"}}
    assert words({"x": "1"}, far | {"groups": made(x="2")}) == ["differs, other libraries"]
    assert words({"x": "1"}, far | {"groups": made(x="1")}) == ["equal"]
    assert words({"x": "1"}, far | {"groups": made(x="1")}, {"groups": made(x="2")}) == ["DIFFERS"]


def test_a_line_replaces_that_of_the_same_machine_and_keeps_its_other_groups(tmp_path):
    file = tmp_path / "bits.json"
    record.save(LINE, made(x="1") | {"h": {"code": "c", "hashes": {}}}, file)
    record.save(LINE | {"cpu": "B"}, made(x="1"), file)
    record.save(LINE, made(x="2"), file)
    a, b = record.load(file)["machines"]
    assert (a["cpu"], a["groups"]["g"]["hashes"], sorted(a["groups"])) == ("A", {"x": "2"}, ["g", "h"])
    assert (b["cpu"], b["groups"]) == ("B", made(x="1"))
    with pytest.raises(InputError, match="not pinned here"):
        record.save(LINE | {"isa": "native"}, made(x="3"), file)
    assert record.load(file)["machines"] == [a, b]


def test_the_command_writes_checks_and_fails(tmp_path, monkeypatch, capsys):
    file = ["--record", str(tmp_path / "bits.json"), "primitives"]
    assert command._main(["--check", *file]) == 2 and "no such record" in capsys.readouterr().err
    monkeypatch.setattr(record, "machine", lambda model: LINE)
    monkeypatch.setattr(primitives, "compute", lambda: {"numpy exp": "1"})
    assert command._main(["--write", *file]) == command._main(["--check", *file]) == 0
    assert "primitives: numpy exp" in (out := capsys.readouterr().out) and out.rstrip().endswith("1 equal")
    monkeypatch.setattr(primitives, "compute", lambda: {"numpy exp": "2"})
    assert command._main(["--check", *file]) == 1 and "DIFFERS" in capsys.readouterr().out
    (tmp_path / "bits.json").write_text("[]")
    assert command._main(["--check", *file]) == 2 and "no record of hashes" in capsys.readouterr().err
    assert command._main(["nothing"]) == 2 and "use some of primitives, renderer" in capsys.readouterr().err


def test_a_group_is_bound_to_its_code_and_its_settings():
    name = "ddet.tools.bits.primitives"
    assert record.code_of(name, {}) == record.code_of(name, {}) != record.code_of(name, {"a": 1})
    assert record.code_of("ddet.tools.bits.fits", {}) != record.code_of(name, {})


def test_the_record_says_what_may_differ_and_names_each_machine():
    kept = record.load()
    million = [f"torch {name} of a million" for name in ("exp", "log", "log10", "tanh")]
    assert kept["may_differ"] == ["torch sqrt asin atan", *million] and kept["machines"]
    for line in kept["machines"]:
        assert line["isa"] == "avx2" and line["cpu"] and set(line["groups"]) == set(command.GROUPS)


def test_no_network_calls_a_function_that_mkl_computes_otherwise_on_another_cpu():
    """Of an activation: `models.portable` and torch's rsqrt stand in their place."""
    calls = re.compile(r"(?<!math)\.(sqrt|asin|atan|log|log2|log10)_?\(")
    code = {file.stem: file.read_text() for file in (paths.ROOT / "ddet/models").glob("*.py")}
    assert [name for name, text in code.items() if calls.search(text)] == []
    assert len(code) > 20 and calls.search("x.log()") and calls.search("torch.sqrt(x)") and calls.search("y.log10_()")


def test_a_digest_is_of_bits_alone():
    assert digest(np.float32([1, 2])) == digest(np.float32([1]), np.float32([2])) != digest(np.float32([2, 1]))
    assert digest(np.float32([0.0])) != digest(np.float32([-0.0]))
    assert digest(np.arange(6).reshape(2, 3).T) == digest(b"".join(np.arange(6).reshape(2, 3).T.copy()))
