"""What of a machine enters a run's key: threads, the device that `auto` means here, the instruction set."""

import pytest
import torch

from ddet import isa, machine, params

SETTINGS = params.Runtime(threads=3, device="cuda", isa="avx2", jobs=5, backend="loky", workers=4, fits=2)


def test_threads_device_and_instruction_set_alone():
    assert machine.of(SETTINGS) == {"threads": 3, "device": "cuda", "isa": isa.in_force("avx2")}
    assert machine.of(SETTINGS.model_copy(update={"jobs": 1, "fits": 1, "workers": 0})) == machine.of(SETTINGS)
    assert machine.of(SETTINGS.model_copy(update={"isa": "native"}))["isa"] == "native"


def test_the_processes_of_a_fit_where_there_are_several():
    """One is not named: runs made before there could be more keep their keys."""
    assert SETTINGS.processes == 1 and "processes" not in machine.of(SETTINGS)
    assert machine.of(SETTINGS.model_copy(update={"processes": 4})) == machine.of(SETTINGS) | {"processes": 4}


@pytest.mark.parametrize(("there", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_is_resolved(monkeypatch, there, device):
    """A run that was made on a CPU must not serve where a GPU would compute it."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert machine.of(SETTINGS.model_copy(update={"device": "auto"}))["device"] == device
    assert machine.of(SETTINGS.model_copy(update={"device": "cpu"}))["device"] == "cpu"


def test_the_words_for_a_time_name_the_cpu_and_its_cores(monkeypatch, tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("processor : 0\nmodel name\t: A CPU 7\nflags : x\n")
    monkeypatch.setattr(isa, "CPUINFO", file)
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    assert machine.words() == "A CPU 7, 2 cores"
    file.write_text("no name\n")
    assert machine.words().endswith(", 2 cores") and "A CPU" not in machine.words()
