"""One instruction set for every library, so that each x86-64 machine with AVX2 and FMA computes the same bits.

Libraries choose their code by what the CPU can do, and another choice rounds otherwise. They choose when they are
loaded, by environment variables that a process hands to its children, so `pin` runs first of all, in
`ddet/__init__.py`, and in every process: `python -m ddet.x`, a kernel, a worker. What has been loaded before that
cannot be pinned any more. `import ddet` then says so on stderr and goes on, since a script of one's own may not care;
what keeps results under a key refuses (`require`). pytest (pyproject.toml) and JupyterLab (.jupyter) import this module
before anything else; for a script or a server of one's own there is `env $(python -m ddet.tools.pins) jupyter lab`.

Some libraries have no variable, and need none. glibc's exp, sin and pow have one version for every CPU with FMA, which
is why `GLIBC_TUNABLES` counts as too late: it is read when a process starts. x264 is told in its own options
(`synth.encode`). Of swscale, libjpeg-turbo, zlib-ng and the decoders only integers and bytes are asked, whose SIMD code
gives what plain C gives. PIL's own code and facenet-pytorch choose nothing. What is left is glibc's version: it belongs
to the system and not to the lock.

`runtime.isa` in params.yaml chooses: `avx2` is pinned whatever the caller's environment says, `native` leaves that
environment alone: each library takes the fastest code there is, and promises nothing.
"""

import os
import platform
import re
import sys
from pathlib import Path

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"
CPUINFO = Path("/proc/cpuinfo")
NEEDED = {"avx2", "fma"}  # glibc takes its own FMA code by these two: exp, sin and pow have other last bits without
SKX = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}  # the one set above AVX2 that OpenCV has code for
HWCAPS = "glibc.cpu.hwcaps"  # what turns a CPU's features off in glibc's eyes; it is read when a process starts

# MKL's CBWR modes but COMPATIBLE are honoured on Intel CPUs alone. NumPy refuses a name that it does not know, OpenCV
# complains of one that the CPU lacks (see `pins`). One thread: a threaded dot product depends on the number of cores.
PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_NUM_THREADS": "1",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4,AVX512_ICL,AVX512_SPR",
    "OPENCV_IPP": "avx2",
    "ARROW_USER_SIMD_LEVEL": "AVX2",
}
# A caller's own values of these would undo or contradict the pins.
UNSET = (
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "DNNL_DEFAULT_FPMATH_MODE",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_DEBUG_CPU_TYPE",
    "NPY_ENABLE_CPU_FEATURES",
    "OPENCV_CPU_DISABLE",
)
LIBRARIES = ("numpy", "torch", "cv2")  # scipy, pandas and the rest load numpy

late: tuple[str, ...] = ()  # what this process had loaded before the pins


def pin() -> None:
    """Pin this process and its children, as params.yaml says; name on stderr what comes too late for that."""
    global late
    if chosen() == "native" or missing():
        return
    tunables, before = os.environ.get("GLIBC_TUNABLES", ""), dict(os.environ)
    wanted = pins()
    for name in (*UNSET, *(["GLIBC_TUNABLES"] if HWCAPS in tunables else [])):
        os.environ.pop(name, None)
    os.environ.update(wanted)
    if before != dict(os.environ):
        late = tuple(name for name in LIBRARIES if name in sys.modules) + (("libm",) if HWCAPS in tunables else ())
    if late:
        print(_too_late(), file=sys.stderr)


def require(wanted: str) -> None:
    """Refuse to compute what is to be kept, where `wanted` is "avx2" and this process was not pinned in time.

    Raises:
        InputError: a library was loaded before the pins, or params.yaml asked for `native` when this process began.
    """
    from ddet.errors import InputError

    if wanted == "native" or missing():
        return
    remedy = "start it from a process that imports ddet first: make lab, or env $(python -m ddet.tools.pins) COMMAND"
    if late:
        raise InputError("runtime.isa = 'avx2'", f"{', '.join(late)} loaded before the pins", remedy)
    if any(os.environ.get(name) != value for name, value in pins().items()):
        raise InputError("runtime.isa = 'avx2'", f"{PARAMS} asked for 'native' as the process began", "set both alike")


def in_force(wanted: str) -> str:
    """Return what a run's key says of the instruction set: "avx2" where it is asked for and can be had."""
    return "native" if wanted == "native" or missing() else "avx2"


def chosen(params: Path = PARAMS) -> str:
    """Read `runtime.isa` before anything that could parse YAML is loaded: "avx2" where it does not stand.

    A regular expression over the lines of that section; a test holds it to what `ddet.params.load` reads.
    """
    try:
        text = params.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return "avx2"
    section = re.search(r"^runtime:.*\n(?:(?:[ #].*)?\n)*", re.sub(r"#.*", "", text + "\n"), flags=re.M)
    found = re.search(r"\bisa:\s*[\"']?(\w+)", section[0]) if section else None
    return found[1] if found else "avx2"


def pins() -> dict[str, str]:
    """Return the variables that pin this machine."""
    return PINS | ({"OPENCV_CPU_DISABLE": "AVX512-SKX"} if flags() >= SKX else {})


def missing() -> str:
    """Say why this machine cannot be pinned: "" where it can."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return f"this is an {platform.machine()} machine"
    lacking = [name.upper() for name in sorted(NEEDED - flags())]
    return f"this CPU has no {' and no '.join(lacking)}" if lacking else ""


def flags() -> set[str]:
    """Read what the CPU can do, in Linux's words; nothing where the system does not say."""
    try:
        found = re.search(r"^(?:flags|Features)\s*:(.*)$", CPUINFO.read_text(), flags=re.M)
    except OSError:
        return set()
    return set(found[1].split()) if found else set()


def _too_late() -> str:
    return (
        f"ddet: {', '.join(late)} loaded before ddet pinned the instruction set; results may differ in their last bits "
        "from another machine's; import ddet first, or start with env $(python -m ddet.tools.pins)"
    )
