"""Instruction sets are pinned before a library loads, whatever the caller exported, in every process there is."""

import os
import subprocess
import sys

import nbformat
import pytest

from ddet import isa, nbrun, params, paths
from ddet.errors import InputError
from ddet.runs import processes

HOSTILE = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "MKL_CBWR": "SSE4_2",
    "OPENBLAS_CORETYPE": "Prescott",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "OPENCV_IPP": "disabled",
    "OPENCV_CPU_DISABLE": "AVX2",
}
NAMES = sorted({*isa.PINS, *isa.UNSET})
SHOW = f"import os; print({{name: os.environ.get(name) for name in {NAMES}}})"
WHY_NOT = isa.missing() or ("params.yaml says native" if isa.chosen() == "native" else "")
needs_avx2 = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def python(*words: str, env: dict | None = None) -> subprocess.CompletedProcess:
    """Run Python as a caller does who has pinned nothing, and exported `env`."""
    clean = {k: v for k, v in os.environ.items() if k not in {*isa.PINS, *isa.UNSET, "GLIBC_TUNABLES"}}
    done = subprocess.run([sys.executable, *words], env=clean | (env or {}), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def pinned() -> dict:
    return {name: isa.pins().get(name) for name in NAMES}


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Pretend to be another machine, in a process of its own environment."""
    monkeypatch.setattr(isa, "late", ())
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for name in (*isa.PINS, *isa.UNSET, "GLIBC_TUNABLES"):
        os.environ.pop(name, None)

    def be(flags: str = "avx avx2 fma", kind: str = "x86_64", chosen: str = "avx2", loaded: tuple = ()):
        (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t\t: {flags}\n\nprocessor : 1\nflags\t\t: {flags}\n")
        (tmp_path / "params.yaml").write_text(f"runtime:\n  isa: {chosen}\n")
        monkeypatch.setattr(isa, "CPUINFO", tmp_path / "cpuinfo")
        monkeypatch.setattr(isa, "PARAMS", tmp_path / "params.yaml")
        monkeypatch.setattr(isa.chosen, "__defaults__", (tmp_path / "params.yaml",))
        monkeypatch.setattr(isa.platform, "machine", lambda: kind)
        monkeypatch.setattr(isa, "LIBRARIES", loaded)

    return be


@needs_avx2
@pytest.mark.parametrize("env", [{}, HOSTILE], ids=["nothing exported", "all exported otherwise"])
def test_importing_the_package_pins_and_says_nothing(env):
    done = python("-W", "always", "-c", f"import ddet; import cv2, numpy, torch; {SHOW}", env=env)
    assert done.stdout.strip() == str(pinned()) and done.stderr == ""


@needs_avx2
def test_the_libraries_obey():
    code = (
        "import ddet, cv2, numpy, torch, threadpoolctl\n"
        "from numpy._core._multiarray_umath import __cpu_features__ as f\n"
        "blas = {i['architecture'] for i in threadpoolctl.threadpool_info() if i['internal_api'] == 'openblas'}\n"
        "print(torch.backends.cpu.get_cpu_capability(), f['X86_V3'], f['X86_V4'], blas, cv2.ipp.getIppVersion()[:10])"
    )
    assert python("-c", code, env=HOSTILE).stdout.strip() == "AVX2 True False {'Haswell'} ippIP AVX2"


@needs_avx2
def test_a_worker_and_a_kernel_have_it_from_their_parent(tmp_path, monkeypatch):
    found = processes.together([(os.getenv, name) for name in sorted(isa.pins())], jobs=2)
    assert found == [isa.pins()[name] for name in sorted(isa.pins())]
    (tmp_path / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell("import numpy, os", id="a"), nbformat.v4.new_code_cell(SHOW, id="b")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "shown.ipynb")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    report = nbformat.read(nbrun.run("shown", tmp_path / "reports"), 4)
    assert report.cells[1].outputs[0].text.strip() == str(pinned())


@needs_avx2
def test_pytest_pins_before_it_loads_a_plugin_or_a_test():
    lines = (paths.ROOT / "pyproject.toml").read_text()
    assert 'addopts = "-p ddet.isa ' in lines and isa.late == ()
    assert all(os.environ[name] == value for name, value in isa.pins().items())


@needs_avx2
def test_jupyter_lab_hands_the_pins_to_its_kernels(monkeypatch):
    config = paths.ROOT / ".jupyter" / "jupyter_lab_config.py"
    code = f"from traitlets.config import Config; c = Config(); exec(open({str(config)!r}).read()); {SHOW}"
    assert python("-c", code, env=HOSTILE).stdout.strip() == str(pinned())


@needs_avx2
def test_what_was_loaded_before_is_named_and_what_keeps_results_refuses():
    code = "import numpy, ddet.isa as isa\ntry: isa.require('avx2')\nexcept ValueError as e: print(e)"
    done = python("-c", code)
    assert done.stderr.startswith("ddet: numpy loaded before ddet pinned") and done.stderr.count("\n") == 1
    assert done.stdout.startswith("runtime.isa = 'avx2': numpy loaded before the pins; start it from")
    assert python("-c", f"{code}\nisa.require('native')", env=isa.pins()).stdout == ""


@needs_avx2
def test_glibc_without_the_cpus_features_is_too_late_too():
    done = python("-c", "import ddet, os; print(os.environ.get('GLIBC_TUNABLES'))",
                  env={"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2"})  # fmt: skip
    assert done.stderr.startswith("ddet: libm loaded before") and done.stdout == "None\n"
    other = {"GLIBC_TUNABLES": "glibc.malloc.check=0"}
    assert python("-c", "import ddet", env=other).stderr == ""


def test_native_leaves_the_environment_alone(machine):
    machine(chosen="native", loaded=("sys",))
    os.environ["MKL_CBWR"] = "AVX2"
    before = dict(os.environ)
    isa.pin()
    assert os.environ == before and isa.late == () and isa.in_force("native") == "native"
    with pytest.raises(InputError, match="asked for 'native' as the process began; set both alike"):
        isa.require("avx2")
    isa.require("native")


@pytest.mark.parametrize(
    "kind, flags, why",
    [
        ("aarch64", "asimd bf16", "this is an aarch64 machine"),
        ("x86_64", "sse4_2 avx", "this CPU has no AVX2 and no FMA"),
        ("x86_64", "avx avx2", "this CPU has no FMA"),
    ],
)
def test_a_machine_that_cannot_be_pinned_goes_on_and_its_key_says_native(machine, kind, flags, why):
    machine(flags, kind, loaded=("sys",))
    before = dict(os.environ)
    isa.pin()
    isa.require("avx2")
    assert isa.missing() == why and os.environ == before and isa.in_force("avx2") == "native"


def test_opencv_is_told_of_avx512_only_where_it_is():
    """It complains on stderr of a feature to disable that the CPU lacks."""
    assert ("OPENCV_CPU_DISABLE" in isa.pins()) == (isa.flags() >= isa.SKX)


def test_a_machine_with_avx512_is_held_to_avx2(machine):
    machine("avx2 fma avx512f avx512cd avx512bw avx512dq avx512vl")
    isa.pin()
    assert os.environ["OPENCV_CPU_DISABLE"] == "AVX512-SKX" and isa.in_force("avx2") == "avx2"
    isa.require("avx2")


@pytest.mark.parametrize(
    "file", ["params.yaml", *sorted(f"profiles/{p.name}" for p in (paths.ROOT / "profiles").glob("*.yaml"))]
)
def test_the_choice_is_read_as_the_params_are(file):
    assert isa.chosen(paths.ROOT / file) == params.load(file).runtime.isa


@pytest.mark.parametrize(
    "text, choice",
    [
        ("p: x\nruntime:\n  fits: 1 # isa: avx2\n\n# isa: avx2\n  isa: 'native' # avx2\nherd:\n  isa: x\n", "native"),
        ("runtime: {threads: 1, isa: native}\n", "native"),
        ("runtime:\n  threads: 1\nherd:\n  isa: native\n", "avx2"),
        ("herd:\n  runtime:\n    isa: native\n", "avx2"),
        ("", "avx2"),
    ],
)  # fmt: skip
def test_the_choice_stands_in_its_own_section(text, choice, tmp_path):
    (tmp_path / "p.yaml").write_text(text)
    assert isa.chosen(tmp_path / "p.yaml") == choice
    assert isa.chosen(tmp_path / "none.yaml") == "avx2"


@needs_avx2
def test_the_variables_can_be_printed_for_a_command_of_ones_own():
    printed = python("-m", "ddet.tools.pins")
    assert dict(word.split("=") for word in printed.stdout.split()) == isa.pins() and printed.stderr == ""
