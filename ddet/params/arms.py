"""What the sections of the three papers share: arms with a key and a printed name, and lists of augmentation."""

import re
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import Field, PrivateAttr, model_validator

from ddet.params.base import AugmentList, Batch, Count, Positive, Rate, Section, Train, known

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")  # what DVC's parser takes between the dots of `-S section.arms.KEY.lr=1`


class BaseArm(Section):
    """One row of a table: what it changes in its section. The keys that it leaves out are the section's.

    `name` is what tables print and what code looks an arm up by; without it, that is the key of the params file. With
    0 `seeds` an arm is told but not trained: it belongs to a larger profile.
    """

    name: Annotated[str, Field(min_length=1)] | None = None
    augment: str | None = None
    seeds: Count | None = None
    epochs: Positive | None = None
    bs: Batch | None = None
    lr: Rate | None = None
    wd: Annotated[float, Field(ge=0)] | None = None
    _key: str = PrivateAttr("")

    @property
    def key(self) -> str:
        """The key in the params file, which an override (`dvc exp run -S`) names; empty for an arm from elsewhere."""
        return self._key


A = TypeVar("A", bound=BaseArm)


def by_name(arms: Mapping[str, A]) -> dict[str, A]:
    """Look arms up by their printed names; each keeps the key that it has in the params file.

    Raises:
        ValueError: a key that no command line can write, two arms of one printed name.
    """
    found: dict[str, A] = {}
    for key, arm in arms.items():
        name = arm.name or key
        if not KEY.fullmatch(key):
            raise ValueError(f"no command line can write {key!r}: use letters, digits, _ and -, and give it a name")
        if name in found:
            raise ValueError(f"{found[name].key} and {key} are both named {name!r}")
        found[name] = arm.model_copy(update={"name": name})
        found[name]._key = key
    return found


class Paper(Section):
    """One paper: how its arms are trained, and the lists of augmentation that they choose from."""

    seeds: Positive
    train: Train
    augment: str
    augment_lists: Annotated[dict[str, AugmentList], Field(min_length=1)]
    arms: dict[str, BaseArm]

    @model_validator(mode="after")
    def _lists_exist(self):
        known("augment", self.augment, self.augment_lists)
        for arm in self.arms.values():
            known(f"arms.{arm.key}.augment", arm.augment or self.augment, self.augment_lists)
        return self

    def list_of(self, arm: BaseArm) -> AugmentList:
        """Return the augmentation of an arm: the list that it names, or the section's."""
        return self.augment_lists[arm.augment or self.augment]
