"""README and docs agree with the repository: links resolve, commands exist, the example edits an existing line."""

import re
import subprocess
import sys

from ruamel.yaml import YAML

from ddet import params, paths
from ddet.report import readme

README = (paths.ROOT / "README.md").read_text()
PAGES = [paths.ROOT / "README.md", *sorted((paths.ROOT / "docs").glob("*.md"))]
EVERY = "\n".join(page.read_text() for page in PAGES)
COMMANDS = re.findall(r"^(?:\$ )?(make [\w-]+|python -m [\w.]+)", EVERY, flags=re.M)


def test_links_lead_somewhere():
    found = [(page, t) for page in PAGES for t in re.findall(r"\]\(([^)#]+)\)", page.read_text()) if "://" not in t]
    assert len(found) > 20
    assert [(page.name, t) for page, t in found if not (page.parent / t).exists()] == []


def test_the_readme_is_read_in_one_sitting_and_leads_to_every_page():
    assert len(README.encode()) < 20_000
    assert [page.name for page in PAGES[1:] if f"](docs/{page.name})" not in README] == []


def test_every_notebook_is_listed_with_its_report():
    listed = re.findall(r"^\| \[`(\w+)`\]\(reports/(\w+)\.ipynb\)", README, re.M)
    notebooks = sorted(p.stem for p in (paths.ROOT / "notebooks").glob("*.ipynb"))
    assert listed == [(name, name) for name in notebooks]


def test_headings_that_are_linked_exist():
    anchors = {
        re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)", README, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= anchors


def test_commands_exist():
    makefile = (paths.ROOT / "Makefile").read_text()
    assert {"make repro", "make test"} <= set(COMMANDS)
    for command in sorted(set(COMMANDS)):
        if command.startswith("make "):
            assert re.search(rf"^{command.split()[1]}:", makefile, flags=re.M), command
        else:
            module = (paths.ROOT / command.split()[2].replace(".", "/")).with_suffix("")
            assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file(), command


def test_the_command_for_own_footage_explains_itself():
    done = subprocess.run(
        [sys.executable, "-m", "ddet.score", "--help"], cwd=paths.ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and "footage" in done.stdout
    for option in re.findall(r"python -m ddet\.score [^\n#]*?(--\w+)", EVERY):
        assert option in done.stdout


def test_the_example_edits_an_arm_that_stands_in_params(tmp_path):
    old, new = re.search(r"^sed -i 's/([^/]+)/([^/]+)/' params.yaml$", README, re.M).groups()
    text = paths.PARAMS.read_text()
    assert text.count(old) == 1 and old != new
    file = tmp_path / "params.yaml"
    file.write_text(text.replace(old, new))
    before, after = params.load().herd, params.load(file).herd
    assert [name for name in before.arms if before.arms[name] != after.arms[name]] == ["RF"]
    assert after.arms["RF"].epochs not in (None, before.train.epochs)


def test_keys_and_names_of_arms_that_are_written_here_stand_in_params():
    loaded = params.load()
    for paper in ("herd", "asrid", "prle"):
        keys = {arm.key for arm in getattr(loaded, paper).arms.values()}
        assert set(re.findall(rf"{paper}\.arms\.([\w-]+)", EVERY)) <= keys


def test_an_arm_that_an_example_scores_with_stands_in_params():
    assert set(re.findall(r"--arm (\w+)", EVERY)) <= set(params.load().herd.arms)


def test_results_and_times_are_filled_in():
    assert "@" not in re.sub(r"`[^`]*`|\S+@\S+", "", README)
    between = README.split(readme.MARKERS[0])[1].split(readme.MARKERS[1])[0]
    captions = re.findall(r"^\*\*(.*) \(synthetic benchmark, profile default, .*\)\*\*$", between, re.M)
    assert captions == ["Herd, Table 2", "ASRID, Table 2", "PRLE, Table II"]


def test_tests_that_a_page_names_exist():
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", EVERY)
    assert len([test for _, test in named if test]) > 30
    for file, test in named:
        source = (paths.ROOT / file).read_text()
        assert not test or f"\ndef {test}(" in source, f"{file}::{test}"


def test_experiments_change_what_stands():
    """Two versions trained nothing: one named the rate that the arm had already, one lacked the + of a new key."""
    found = re.findall(r"^dvc exp run -S '?(\+?)([^'=\n]+)=([^'\s]+)", EVERY, flags=re.M)
    assert len(found) >= 2
    written = YAML(typ="safe").load(paths.PARAMS.read_text())
    for plus, path, value in found:
        section, arms, arm, key = path.split(".")
        spec = getattr(params.load(paths.PARAMS), section)
        (own,) = (getattr(one, key) for one in spec.arms.values() if one.key == arm)
        stands = getattr(spec.train, key) if own is None else own
        assert type(stands)(value) != stands, path
        assert (key in written[section][arms][arm]) == (not plus), path
