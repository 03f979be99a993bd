"""Figure 10, people against detectors: choose faces, hide a part of their primary regions, and write a page that asks.

    python -m ddet.prle.people FOLDER

writes FOLDER/index.html, one file that asks and needs no network, and FOLDER/key.csv, which says what each picture was
and must not be given to those who judge. `ddet.prle.people_answers` turns what they send back into the figure.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ddet import params, paths
from ddet.data import crop_loader
from ddet.errors import InputError, writing
from ddet.prle import arms, exploit, map_store, people_page, primary

ALPHAS = (0.0, 0.3, 0.6, 1.0)  # hidden share of the primary region; 0: the whole face
PER = 6  # fakes of a method at each alpha; as many reals as fakes in all
KEY = ["item", "clip_id", "frame_idx", "method", "label", "alpha", "group"]


def choose(rows: pd.DataFrame, alphas: tuple[float, ...], per: int, seed: int) -> pd.DataFrame:
    """Choose crops, each for one alpha: `per` fakes of each method at each, and as many reals as fakes.

    One crop a clip, so that nobody sees a clip twice. The order is random, and `item` numbers it.

    Paper: PRLE section IV-F does not say how its images were chosen.

    Args:
        rows: crops that have maps, with clip_id, frame_idx, method, label and group.

    Raises:
        InputError: a method with too few clips.
    """
    draw = np.random.default_rng(seed)
    one = rows.groupby("clip_id").head(1)
    fakes = one[one["label"] == 1]
    wanted = {method: per * len(alphas) for method in sorted(fakes["method"].unique())}
    parts = [_dealt(fakes[fakes["method"] == m], m, n, alphas, draw) for m, n in wanted.items()]
    parts.append(_dealt(one[one["label"] == 0], "real", sum(wanted.values()), alphas, draw))
    chosen = pd.concat(parts)
    chosen = chosen.iloc[draw.permutation(len(chosen))]
    return chosen.assign(item=[f"{i:03d}" for i in range(len(chosen))])


def _dealt(
    part: pd.DataFrame, name: str, count: int, alphas: tuple[float, ...], draw: np.random.Generator
) -> pd.DataFrame:
    if len(part) < count:
        raise InputError(
            name, f"{len(part)} clips, {count} are needed", "ask for fewer with --per, or render more clips"
        )
    taken = part.iloc[draw.permutation(len(part))[:count]]
    return taken.assign(alpha=np.resize(alphas, count))


def pictures(images: Sequence[np.ndarray], levels: np.ndarray, alphas: np.ndarray) -> list[bytes]:
    """Blacken the alpha most attended pixels of each primary region, and encode each picture as WebP.

    Args:
        images: n of uint8 S x S x 3.
        levels: float n x S x S, see `exploit.levels`.
        alphas: n; 0 leaves a face whole.
    """
    return [
        _webp(np.where(_hidden(level, alpha)[..., None], 0, image))
        for image, level, alpha in zip(images, levels, alphas, strict=True)
    ]


def _hidden(level: np.ndarray, alpha: float) -> np.ndarray:
    return (level <= alpha) & (alpha > 0)


def _webp(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image.astype(np.uint8)).save(buffer, format="webp", quality=95, method=6)
    return buffer.getvalue()


def make(folder: Path, cfg: params.Prle, per: int, seed: int) -> pd.DataFrame:
    """Write the page and its key into `folder`, from the training crops of FF++ and their maps; return the key.

    Raises:
        InputError: no maps yet, too few clips, or a folder that cannot be written.
    """
    made = primary.runs_of(paths.RESULTS / "prle_maps.csv")
    rows = arms.inputs(cfg, arms.of_part(cfg, "exploitation", None)).rows[arms.WHOLE]
    train = primary.looked_at(cfg, rows)
    store = paths.RUNS / arms.MAPS / made[arms.named(cfg.zoo[0], arms.METHOD)][0]
    chosen = choose(train, ALPHAS, per, seed)
    levels = exploit.levels(np.asarray(map_store.read(store, map_store.identity(train))[chosen.index]))
    crops = crop_loader.CropDataset(chosen, paths.FACES, None, cfg.size, 0)
    shown = pictures([crops.image(i) for i in range(len(crops))], levels, chosen["alpha"].to_numpy())
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        page = people_page.page(dict(zip(chosen["item"], shown, strict=True)))
        (folder / "index.html").write_text(page, encoding="utf-8", newline="\n")
        chosen[KEY].to_csv(folder / "key.csv", index=False)
    return chosen[KEY]


def main(argv: list[str] | None = None) -> int:
    """Write the page from the command line; bad input is one line on standard error and status 2."""
    parser = argparse.ArgumentParser(prog="python -m ddet.prle.people", description="Write the page that asks people.")
    parser.add_argument("folder", type=Path, help="where index.html and key.csv go")
    parser.add_argument("--per", type=int, default=PER, help=f"fakes of a method at each alpha ({PER})")
    parser.add_argument("--seed", type=int, default=0, help="which faces (0)")
    wanted = parser.parse_args(argv)
    try:
        key = make(wanted.folder, params.load().prle, wanted.per, wanted.seed)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    print(f"{len(key)} faces: {wanted.folder / 'index.html'} asks, {wanted.folder / 'key.csv'} stays with you")
    return 0


if __name__ == "__main__":
    sys.exit(main())
