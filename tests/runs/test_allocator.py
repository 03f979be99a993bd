"""What processes that train are told about their memory."""

import os

import pytest

from ddet.runs import allocator
from ddet.runs.processes import together


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    monkeypatch.delenv(allocator.TUNABLES, raising=False)


def test_a_process_keeps_its_memory_and_takes_large_pages():
    allocator.keep()
    told = os.environ[allocator.TUNABLES]
    assert told.split(":") == [
        "glibc.malloc.hugetlb=1", "glibc.malloc.mmap_threshold=33554432", "glibc.malloc.trim_threshold=1073741824",
    ]  # fmt: skip
    allocator.keep()
    assert os.environ[allocator.TUNABLES] == told


def test_what_the_caller_says_stays(monkeypatch):
    monkeypatch.setenv(allocator.TUNABLES, "glibc.malloc.hugetlb=2:glibc.malloc.check=3")
    allocator.keep()
    told = os.environ[allocator.TUNABLES].split(":")
    assert "glibc.malloc.hugetlb=2" in told and "glibc.malloc.check=3" in told and len(told) == 4


def test_workers_are_told():
    found = together([(os.getenv, allocator.TUNABLES), (os.getenv, allocator.TUNABLES)], 2)
    assert all(told and "hugetlb=1" in told for told in found)
