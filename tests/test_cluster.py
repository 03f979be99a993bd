"""The preparation on a dask cluster: the same bytes as in one process, workers fit for it, and what is refused."""

import builtins
import os
import socket
import subprocess
import sys
from pathlib import Path

import distributed
import joblib
import pytest
import rendering
from test_real_footage import config
from trees import data

from ddet import cluster, isa, paths
from ddet.data import faces, index
from ddet.errors import InputError
from ddet.synth import write

FEW = {
    "unusable": 1,
    "frame_size": 160,
    "ffpp": {"pairs": 3, "methods": ["Deepfakes"]},
    "celebdf": {"identities": 4, "clips_per_identity": 1, "youtube": 1, "fakes": 1},
    "dfdc": {"parts": 1, "originals": 1, "fakes": 1, "two_person": 0.0, "test_clips": 2},
    "df1": {"actors": 3, "variants": ["end_to_end"]},
    "jitter": {"people": 0},
}
DASK = rendering.runtime(2, "dask")


def prepared(out: Path, runtime) -> dict[str, bytes]:
    """Render, index and cut out; return every file that was written, by its name."""
    write.render_benchmark(out / "synthetic", rendering.benchmark(**FEW), runtime)
    clips = index.build_index(data(out / "synthetic", "ffpp"), runtime, progress=False)
    clips.to_csv(out / "clips.csv", index=False)
    table, _ = faces.extract_faces(clips, out / "synthetic", out / "faces", config(scale=1.0), runtime, progress=False)
    assert len(table) >= 5 and set(table["label"]) == {0, 1}
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def own():
    """Lend a cluster of two workers for the tests of this module."""
    with cluster.opened(DASK):
        yield distributed.get_client()


def test_the_same_files_byte_for_byte(own, tmp_path):
    here = prepared(tmp_path / "here", rendering.runtime(1, "sequential"))
    there = prepared(tmp_path / "there", DASK)
    assert list(here) == list(there)
    assert [name for name in here if here[name] != there[name]] == []


def test_the_work_is_done_by_the_workers(own):
    with joblib.parallel_config(backend="dask"):
        done = joblib.Parallel()(joblib.delayed(os.getpid)() for _ in range(8))
    workers = set(own.run(os.getpid).values())
    assert len(workers) == 2 and set(done) <= workers - {os.getpid()}


def features() -> tuple:
    """Say in a worker which instruction sets the libraries took."""
    import numpy as np  # noqa: F401  (what is asked is loaded by it)
    import torch
    from numpy._core._multiarray_umath import __cpu_features__ as f

    return torch.backends.cpu.get_cpu_capability(), f["X86_V3"], f["X86_V4"], isa.late


@pytest.mark.skipif(bool(isa.missing()), reason="nothing can be pinned here")
def test_workers_have_the_instruction_sets_of_this_process(own):
    assert set(own.run(features).values()) == {("AVX2", True, False, ())} == {features()}
    for name, value in isa.pins().items():
        assert set(own.run(os.getenv, name).values()) == {value}


def refused(runtime, shared: Path = paths.ROOT) -> str:
    with pytest.raises(InputError) as e, cluster.opened(runtime, shared):
        pass
    assert "\n" not in str(e.value)
    return str(e.value)


def remote(address: str):
    return DASK.model_copy(update={"scheduler": address})


@pytest.fixture
def bare():
    """Start a scheduler in this process that has no worker yet."""
    how = {"n_workers": 0, "threads_per_worker": 2, "processes": False, "protocol": "tcp", "dashboard_address": ":0"}
    with distributed.LocalCluster(**how) as found:
        yield found


def test_a_scheduler_by_its_address(own, tmp_path):
    """Its workers serve, unless they do not see the folder that is written to."""
    address = own.scheduler.address
    with cluster.opened(remote(address), tmp_path), joblib.parallel_config(backend="dask"):
        assert joblib.Parallel()(joblib.delayed(abs)(-i) for i in range(3)) == [0, 1, 2]
    assert list(tmp_path.iterdir()) == []


def test_nobody_at_the_address_and_no_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    told = refused(remote(address))
    assert told.startswith(f"runtime.scheduler = '{address}': no scheduler answers there within 10 s")
    assert refused(remote("here")).startswith("runtime.scheduler = 'here': is no address (missing port number")


def test_a_scheduler_without_workers(bare, monkeypatch):
    monkeypatch.setattr(cluster, "WAIT", 1)
    told = refused(remote(bare.scheduler_address))
    assert "the scheduler has no worker within 1 s; start one: dask worker tcp://" in told


def test_a_worker_with_two_threads(bare):
    bare.scale(1)
    told = refused(remote(bare.scheduler_address))
    assert told.startswith("dask worker ") and "threads; start it as docs/beyond_one_machine.md says" in told


def test_a_worker_that_is_not_pinned_or_does_not_see_the_folder(monkeypatch, tmp_path):
    assert cluster._fault("avx2", str(tmp_path)) == ""
    assert cluster._fault("avx2", str(tmp_path / "gone/file")) == f"does not see {tmp_path / 'gone'}"
    monkeypatch.setattr(isa, "late", ("numpy",))
    monkeypatch.setattr(isa, "missing", lambda: "")
    assert cluster._fault("avx2", str(tmp_path)) == "numpy loaded before the pins"
    assert cluster._fault("native", str(tmp_path)) == ""


def test_without_the_package_one_line(monkeypatch):
    whole = builtins.__import__

    def lacking(name, *args, **kwargs):
        if name == "distributed":
            raise ImportError(name)
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", lacking)
    assert refused(DASK) == (
        "runtime.backend = 'dask': the package distributed is not installed; "
        "install it (pip install distributed), or set runtime.backend to loky"
    )


def test_it_is_loaded_where_it_is_asked_for_alone():
    code = (
        "import sys\nfrom ddet import cluster, params\n"
        "from ddet.data import faces, index\nfrom ddet.synth import write\n"
        "with cluster.opened(params.load('params.yaml').runtime): pass\n"
        "print([m for m in ('distributed', 'dask', 'tornado') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
