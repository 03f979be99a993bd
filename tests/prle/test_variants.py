"""Arms that no table of the paper holds: which differences are taken, and that absent arms are left out."""

import pytest
from prle_toys import arm, met, scored, section
from ruamel.yaml import YAML

from ddet import params, paths
from ddet.prle import variants


def test_differences_are_arm_minus_other_for_each_detector_that_has_both():
    cfg = section({"dealt": arm(detectors=["Xception"])})
    right = {"Xception": 0.6, "Xception + PRLE": 0.9, "Xception + dealt": 0.7, "EfficientNet": 0.8}
    found = variants.compared(
        cfg, scored({name: [met(share, ffpp=0.5)] for name, share in right.items()}), variants.MASKS
    )
    assert found[["fit", "minus", "test set"]].to_numpy().tolist() == [
        ["Xception + PRLE", "Xception", "AVG"], ["Xception + PRLE", "Xception", "FF++"],
        ["Xception + dealt", "Xception", "AVG"], ["Xception + dealt", "Xception", "FF++"],
    ]  # fmt: skip
    assert found["effect"].tolist() == pytest.approx([0.3, 0, 0.1, 0])


@pytest.mark.parametrize("file", ["params.yaml", "profiles/smoke.yaml", "profiles/paper.yaml"])
def test_every_arm_that_is_compared_stands_in_the_profile(file):
    told = YAML(typ="safe").load((paths.ROOT / file).read_text())
    arms = params.Params.model_validate(told).prle.arms  # those of 0 seeds too
    for pairs in (variants.READINGS, variants.MASKS, variants.AREAS):
        assert {*pairs, *pairs.values()} <= set(arms)
    areas = {arms[name].exploit.area for name in variants.AREAS}
    assert len(areas) == 1 and None not in areas, "one area for all"
