"""Formulas as MathML: structure by hand, code left alone, every formula of the notebooks well formed."""

import re
from xml.etree import ElementTree

import nbformat
import pytest

from ddet import paths
from ddet.errors import InputError
from ddet.report import mathml


def inner(tex: str) -> str:
    return re.search(r"<semantics><mrow>(.*)</mrow><annotation", mathml.convert(tex))[1]


@pytest.mark.parametrize(
    ("tex", "made"),
    [
        ("x_1", "<msub><mi>x</mi><mn>1</mn></msub>"),
        (r"H^k_{u,v}", "<msubsup><mi>H</mi><mrow><mi>u</mi><mo>,</mo><mi>v</mi></mrow><mi>k</mi></msubsup>"),
        (r"\frac{1}{2}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"),
        (r"\sum_i^n", "<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover>"),
        (r"\hat{y} \le .5", "<mover><mrow><mi>y</mi></mrow><mo>^</mo></mover><mo>≤</mo><mn>.5</mn>"),
        (r"\text{if } a-b", "<mtext>if </mtext><mi>a</mi><mo>−</mo><mi>b</mi>"),
        (r"a \quad b", '<mi>a</mi><mspace width="1em"/><mi>b</mi>'),
        (r"\left\{ a \right\}", "<mo>{</mo><mi>a</mi><mo>}</mo>"),
    ],
)
def test_structure(tex, made):
    assert inner(tex) == made


def test_cases_are_a_table_of_lines():
    made = ElementTree.fromstring(mathml.convert(r"\begin{cases} 1, & a > 0 \\ 0, & \text{otherwise} \end{cases}"))
    assert [len(line) for line in made.iter("mtr")] == [2, 2] and made.find(".//mtext").text == "otherwise"


def test_only_formulas_outside_code_are_set():
    page = "<p>$x$ costs $5 and $6</p><pre>$y$</pre><code>$$z$$</code> $$a &lt; b$$"
    made = mathml.typeset(page)
    assert made.count("<math>") == 1 and made.count('<math display="block">') == 1
    assert "costs $5 and $6</p><pre>$y$</pre><code>$$z$$</code>" in made and "<mo>&lt;</mo>" in made


@pytest.mark.parametrize("tex", [r"\unknown", r"\begin{matrix} a \end{matrix}"])
def test_what_cannot_be_set_is_refused(tex):
    with pytest.raises(InputError, match="a formula uses"):
        mathml.convert(tex)


def test_every_formula_of_the_notebooks_is_well_formed():
    cells = [c for p in (paths.ROOT / "notebooks").glob("*.ipynb") for c in nbformat.read(p, 4).cells]
    found = [m[1] or m[2] for c in cells if c.cell_type == "markdown" for m in mathml.MATH.finditer(c.source)]
    assert len(found) > 10
    for tex in found:
        ElementTree.fromstring(mathml.convert(tex))
