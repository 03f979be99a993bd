"""Stripping a notebook: check cells keep their output, the rest goes, and a second time changes nothing."""

import nbformat
import pytest

from ddet.tools import strip


def notebook(*cells: tuple[str, list[str]], **metadata) -> str:
    """Write a notebook of executed cells, from (source, tags)."""
    made = nbformat.v4.new_notebook(metadata=metadata)
    for count, (source, tags) in enumerate(cells, 1):
        output = nbformat.v4.new_output("stream", name="stdout", text=f"{count}\n")
        cell = nbformat.v4.new_code_cell(source, execution_count=count, id=f"c{count}", outputs=[output])
        cell.metadata = {"tags": tags, "collapsed": True, "execution": {"start": "12:00"}}
        made.cells.append(cell)
    return nbformat.writes(made)


def test_check_cells_keep_their_output_and_the_rest_loses_it():
    text = notebook(("a", []), ("b", ["nbval-check-output", "keep_output"]), ("c", ["parameters"]), widgets={})
    once = strip.stripped(text)
    cells = nbformat.reads(once, 4).cells
    assert [(c.execution_count, len(c.outputs)) for c in cells] == [(None, 0), (2, 1), (None, 0)]
    assert strip.stripped(once) == once


def test_only_tags_and_the_kernel_are_left_of_the_metadata():
    made = nbformat.reads(strip.stripped(notebook(("a", ["parameters"]), ("b", []), widgets={}, language="x")), 4)
    assert made.metadata == {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    assert [c.metadata for c in made.cells] == [{"tags": ["parameters"]}, {}]
    assert [c.id for c in made.cells] == ["c1", "c2"], "an id that changes would be a difference in git"


def test_prose_stays_and_empty_cells_go():
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_markdown_cell("Größe"), nbformat.v4.new_code_cell("")]
    text = strip.stripped(nbformat.writes(made))
    assert [c.source for c in nbformat.reads(text, 4).cells] == ["Größe"]
    assert "Größe" in text and text.endswith("}\n") and '\n "cells"' in text


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clean.ipynb").write_text(strip.stripped(notebook(("a", []))))
    (tmp_path / "dirty.ipynb").write_text(notebook(("a", [])))
    (tmp_path / "notes.txt").write_text("no notebook")
    return tmp_path


def test_checking_names_what_is_not_clean_and_leaves_it(folder, capsys):
    before = (folder / "dirty.ipynb").read_text()
    assert strip._main(["--check", str(folder)]) == 1
    assert capsys.readouterr().out.startswith(f"{folder / 'dirty.ipynb'}: carries outputs or editor metadata; run")
    assert (folder / "dirty.ipynb").read_text() == before
    assert strip._main(["--check", str(folder / "clean.ipynb")]) == 0 and capsys.readouterr().out == ""


def test_stripping_mends_in_place_and_fails_once(folder):
    assert strip._main([str(folder)]) == 1, "so that a commit shows the change"
    assert (folder / "dirty.ipynb").read_text() == (folder / "clean.ipynb").read_text()
    assert strip._main([str(folder)]) == 0
