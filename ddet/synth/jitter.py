"""A forgery that no single frame shows: a head that jumps between the poses of its own clip.

Every frame is rendered as in a real clip, in a pose that the same head has in the same clip; only the order differs.
Room, camera, lamp and grain keep their order. A detector can tell such a clip only by its motion.
"""

from dataclasses import replace

import numpy as np

from ddet.synth.canvas import Array
from ddet.synth.scene import Scene, Shot, film

GENERATOR = "jitter"


def jittered(scene: Scene, seed: int, person: int = 0) -> Scene:
    """Return the scene with the poses of one person in another order, so that her head turns to and fro.

    Frames take their poses from the half turned further left and from the other in turn, in a drawn order within each.
    The first frame, where the body rests, stays.
    """
    rng, poses = np.random.default_rng(seed), scene.people[person].poses
    by_yaw = sorted(poses[1:], key=lambda pose: pose.yaw)
    half = (len(by_yaw) + 1) // 2
    order: list = [poses[0]] + [None] * len(by_yaw)
    order[1::2] = rng.permutation(np.arange(half)).tolist()
    order[2::2] = (half + rng.permutation(len(by_yaw) - half)).tolist()
    moved = replace(scene.people[person], poses=[poses[0], *(by_yaw[i] for i in order[1:])])
    return replace(scene, people=[moved if i == person else p for i, p in enumerate(scene.people)])


def jitter(scene: Scene, shots: list[Shot], seed: int, person: int = 0) -> tuple[list[Array], Array]:
    """Render a scene with the poses of one head out of order.

    Returns the frames (uint8 RGB) and the truth, T x H x W bool: where a frame differs from the one in order.
    """
    frames = [shot.image for shot in film(jittered(scene, seed, person))]
    truth = np.stack([(a != b.image).any(axis=2) for a, b in zip(frames, shots, strict=True)])
    return frames, truth
