"""Parameters and operations of named architectures, against hand counts and planted errors."""

import pandas as pd
import pytest

from ddet import published
from ddet.audit import architectures
from ddet.audit.findings import problems

LINE = {"id": "x", "row": "net", "model": "resnet18", "classes": "1000", "size": "224", "batch": "8"}
LINE |= {"parameters": "Param.", "operations": "GFLOPs"}


def judge(parameters, operations, **changed):
    frame = published.tidy({"net": {"Param.": parameters, "GFLOPs": operations}}, "invented", "I")
    return architectures.against_architectures(pd.DataFrame([{**LINE, **changed}]), frame)


def test_parameters_by_hand():
    head = 512 * 1000 + 1000
    assert architectures.parameters("resnet18", 1000) - architectures.parameters("resnet18", 2) == head - 512 * 2 - 2


def test_operations_by_hand():
    counted = architectures.operations("resnet18", 2, 224)
    stem = 112 * 112 * 64 * 3 * 7 * 7
    blocks = {64: (56, 64), 128: (28, 64), 256: (14, 128), 512: (7, 256)}
    macs = stem + 512 * 2
    for width, (side, before) in blocks.items():
        first = side * side * width * before * 9 + (0 if width == before else side * side * width * before)
        macs += first + 3 * side * side * width * width * 9
    assert counted["multiply-adds"] == macs
    assert counted["multiplications and additions"] == 2 * macs
    assert counted["multiply-adds and normalisation"] > macs


@pytest.mark.parametrize("how", ["multiply-adds", "multiply-adds and normalisation", "multiplications and additions"])
@pytest.mark.parametrize("images", [1, 8])
def test_true_numbers_are_sound_under_any_convention(how, images):
    operations = images * architectures.operations("resnet18", 1000, 224)[how] / 1e9
    assert not problems(judge("11.69M", f"{operations:.2f}"))


def test_planted_errors_are_found_and_explained():
    two = architectures.parameters("resnet18", 2) / 1e6
    at_299 = 8 * architectures.operations("resnet18", 1000, 299)["multiply-adds"] / 1e9
    size, operations = judge(f"{two:.2f}M", f"{at_299:.2f}")
    assert (size.verdict, operations.verdict) == ("differs", "differs")
    assert "with 2 outputs it has 11.178M" in size.sentence
    assert "are multiply-adds of 8 images of 299 px" in operations.sentence
    assert {size.check, operations.check} == {12} and size.about == "x"


def test_a_number_that_nothing_explains():
    size, operations = judge("99.99M", "12345.6")
    assert size.sentence.endswith("has 11.690M.")
    assert operations.sentence.count("px") == 2
