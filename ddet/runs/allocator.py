"""Let the processes that train keep their memory, in large pages.

A step of training allocates and frees some hundred MB. As it comes, glibc gives them back to the system after each
step, and gets them again page by page, 4 KB at a time: an eighth to a quarter of the time of a fit on a CPU
(benchmarks/bench_allocator.py). No bit depends on where memory lies.
"""

import os

TUNABLES = "GLIBC_TUNABLES"  # read when a process starts, so it serves those that this one starts; musl ignores it
KEEPING = {
    "glibc.malloc.hugetlb": "1",  # ask for large pages, where the system gives them to those who ask
    "glibc.malloc.mmap_threshold": str(2**25),  # bytes; larger blocks go back at once. glibc before 2.35 takes no more
    "glibc.malloc.trim_threshold": str(2**30),  # bytes of free memory, beyond which they are returned
}


def keep() -> None:
    """Set it for the processes that this one starts from now on; what the caller's environment says stays."""
    given = dict(part.partition("=")[::2] for part in os.environ.get(TUNABLES, "").split(":") if part)
    os.environ[TUNABLES] = ":".join(f"{name}={value}" for name, value in {**KEEPING, **given}.items())
