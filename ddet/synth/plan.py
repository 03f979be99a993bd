"""The records of what to render: takes (a filmed clip and every fake made from it) and each dataset's text files."""

from dataclasses import dataclass, field

from ddet.seeds import derive
from ddet.synth import identity
from ddet.synth.distort import Steps


@dataclass(frozen=True)
class Who:
    """A person of the benchmark: a name, and the seed that determines the face."""

    name: str
    seed: int
    woman: bool

    @classmethod
    def cast(cls, name: str, *parts: object, woman: bool | None = None) -> "Who":
        """Create the person whose seed is derived from `parts`."""
        seed = derive("synth", "person", *parts)
        return cls(name, seed, identity.sample(seed, woman).woman)


@dataclass(frozen=True)
class Clip:
    """One mp4 of an official tree, with what its name and the lists state about it."""

    path: str  # below the root, posix
    clip_id: str
    dataset: str
    method: str
    label: int  # 0 real, 1 fake
    target: str
    source: str = ""
    audio: bool = False


@dataclass(frozen=True)
class Fake:
    """A forgery of a take: the source of the face or performance, the generator, the person who is forged."""

    clip: Clip
    generator: str  # a key of forge.METHODS
    source: Who
    source_take: int  # seed of the take whose performance the source lends
    seed: int
    person: int = 0
    steps: Steps = ()
    mask_path: str = ""  # FF++ ships its masks as videos


@dataclass(frozen=True)
class Take:
    """A filmed scene. `real` is None where a dataset ships only the fakes of it."""

    domain: str
    people: tuple[Who, ...]
    seed: int
    real: Clip | None
    fakes: tuple[Fake, ...] = ()


@dataclass(frozen=True)
class Broken:
    """A clip that cannot be used: `faceless`, `truncated` or `empty`."""

    clip: Clip
    kind: str
    seed: int


KINDS = ("faceless", "truncated", "empty")


@dataclass
class Plan:
    """All of a benchmark, or of one dataset."""

    takes: list[Take] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)  # path below the root -> text

    def __add__(self, other: "Plan") -> "Plan":
        return Plan(self.takes + other.takes, self.broken + other.broken, self.files | other.files)


def broken(clips: list[Clip], seed: int) -> list[Broken]:
    """Break the given clips, each in the next of the three ways."""
    return [Broken(clip, KINDS[i % 3], derive("synth", seed, clip.clip_id)) for i, clip in enumerate(clips)]


def shares(n: int, *wanted: float) -> list[int]:
    """Split n into integers near the wanted shares, each at least 1; the first takes the remainder."""
    rest = [max(1, round(n * share)) for share in wanted[1:]]
    return [n - sum(rest), *rest]
