"""Distort DeeperForensics-1.0's real clips as its fakes are, to see what the difference between them is worth.

The fakes of DF-1.0's test set carry distortions (noise, blur, blocks, compression), its real clips, those of FF++, do
not. A detector may tell the two apart by that alone. With distorted real clips only the forgery is left.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from ddet.data import crops, video
from ddet.seeds import derive
from ddet.synth import distort, encode


def distorted(rows: pd.DataFrame, clips: pd.DataFrame, root: Path, scratch: Path, variant: str, crf: int) -> np.ndarray:
    """Distort and encode the clips of real crops, and cut the same squares: uint8 n x S x S x 3, in the order of rows.

    Args:
        rows: crops of the crop table, with their squares x0 y0 x1 y1 in px of the frame and their `size`.
        clips: the index, clip_id -> path below `root`.
        scratch: a folder for the encoded clips.
        variant: which distortions are drawn, one draw a clip, see `synth.distort.draw`.
        crf: quality of clips whose draw holds no compression.
    """
    made: dict[tuple[str, int], np.ndarray] = {}
    where = clips.set_index("clip_id")["path"]
    for clip_id in rows["clip_id"].unique():
        seed = derive("alike", variant, clip_id)
        steps = distort.draw(variant, seed)
        info = video.probe(root / where[clip_id])
        frames = [frame for _, frame in video.read_frames(root / where[clip_id], range(info.frames))]
        copy = scratch / f"{derive('alike', clip_id)}.mp4"
        encode.write_mp4(copy, distort.distort(frames, steps, seed), info.fps, distort.crf(steps, crf))
        made |= {(clip_id, index): frame for index, frame in video.read_frames(copy, range(len(frames)))}
        copy.unlink()
    return np.stack(
        [
            crops.cut(made[row.clip_id, row.frame_idx], (int(row.x0), int(row.y0), int(row.x1 - row.x0)), row.size)
            for row in rows.itertuples()
        ]
    )
