"""The run store: what a key follows, what survives a kill, damage, a second process and a changed mind."""

import errno
import fcntl
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import weakref

import pytest

from ddet import machine, params
from ddet.errors import InputError
from ddet.runs import store as run_store
from ddet.runs.store import Store

RUNTIME = {"threads": 1, "device": "cpu"}
SETTINGS = params.Runtime(threads=3, device="cuda", isa="avx2", jobs=5, backend="loky", workers=4, fits=2)


def store(root, **changes) -> Store:
    return Store(**{"stage": "herd", "code": ["ddet.seeds"], "runtime": RUNTIME, "root": root, **changes})


class Trainer:
    """Write a file, as a fit would, and count how often that was asked."""

    def __init__(self, text: str = "w"):
        self.calls, self.text = 0, text

    def __call__(self, folder):
        self.calls += 1
        (folder / "resume").mkdir(exist_ok=True)
        (folder / "resume" / "fit.pt").write_text("state")
        (folder / "weights").write_text(self.text)


def tree(folder) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_run_is_made_once(tmp_path):
    train = Trainer()
    first = store(tmp_path).get({"lr": 0.1}, train)
    assert store(tmp_path).get({"lr": 0.1}, train) == first
    assert train.calls == 1
    assert sorted(p.name for p in first.iterdir()) == ["manifest.json", "run.json", "weights"]
    assert json.loads((first / "run.json").read_text())["config"] == {"lr": 0.1}
    assert first == tmp_path / "runs" / "herd" / store(tmp_path).key({"lr": 0.1})


def test_what_a_fit_leaves_is_gone_before_the_next_one(tmp_path):
    class Learner:
        """Refer to itself, as fastai's does through its callbacks."""

        def __init__(self):
            self.itself = self

    left, alive = [], []

    def train(folder):
        alive.append(sum(ref() is not None for ref in left))
        left.append(weakref.ref(Learner()))
        (folder / "weights").write_text("w")

    gc.disable()
    try:
        store(tmp_path).get_many([({"lr": lr}, train) for lr in (0.1, 0.2, 0.3)], 1)
    finally:
        gc.enable()
    assert alive == [0, 0, 0]


def test_two_machines_write_the_same_folder_and_their_facts_elsewhere(tmp_path, monkeypatch):
    a = store(tmp_path / "a").get({"lr": 0.1}, Trainer())
    monkeypatch.setattr(os, "cpu_count", lambda: 77)
    b = store(tmp_path / "b").get({"lr": 0.1}, Trainer())
    assert tree(a) == tree(b)
    facts = json.loads((tmp_path / "b" / "machine" / "herd" / f"{b.name}.json").read_text())
    assert facts["cores"] == 77
    assert facts["wall_s"] >= 0


def test_the_key_follows_config_code_and_runtime(tmp_path):
    keys = [
        store(tmp_path).key({"a": 1, "b": 2}),
        store(tmp_path).key({"a": 1, "b": 3}),
        store(tmp_path, code=["ddet.data.augment"]).key({"a": 1, "b": 2}),
        store(tmp_path, runtime={"threads": 2, "device": "cpu"}).key({"a": 1, "b": 2}),
        store(tmp_path, runtime={"threads": 1, "device": "cuda"}).key({"a": 1, "b": 2}),
    ]
    assert len(set(keys)) == 5
    assert all(len(k) == 12 for k in keys)
    assert store(tmp_path, stage="other").key({"b": 2, "a": 1}) == keys[0]


@pytest.mark.parametrize("damage", ["changed", "missing", "manifest", "no manifest"])
def test_a_damaged_run_is_made_again(tmp_path, damage, capsys):
    train = Trainer()
    run = store(tmp_path).get({}, train)
    whole = tree(run)
    if damage == "changed":
        (run / "weights").write_text("junk")
    elif damage == "missing":
        (run / "weights").unlink()
    elif damage == "manifest":
        (run / "manifest.json").write_text("{")
    else:
        (run / "manifest.json").unlink()
    assert tree(store(tmp_path).get({}, train)) == whole
    assert train.calls == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert "damaged" in out.err


def test_a_killed_run_goes_on_where_it_was(tmp_path):
    def killed(folder):
        (folder / "resume").mkdir()
        (folder / "resume" / "fit.pt").write_text("epoch 3")
        raise KeyboardInterrupt

    def resumed(folder):
        assert (folder / "resume" / "fit.pt").read_text() == "epoch 3"
        (folder / "weights").write_text("w")

    with pytest.raises(KeyboardInterrupt):
        store(tmp_path).get({}, killed)
    again = store(tmp_path)
    assert not again.path(again.key({})).exists()
    run = again.get({}, resumed)
    assert sorted(tree(run)) == ["manifest.json", "run.json", "weights"]
    assert json.loads((tmp_path / "machine" / "herd" / f"{run.name}.json").read_text())["resumed"]


def test_an_old_value_comes_back_from_the_attic(tmp_path, capsys):
    train = Trainer()
    old = store(tmp_path).get({"lr": 1}, train)
    content = tree(old)
    session = store(tmp_path)
    new = session.get({"lr": 2}, train)
    assert session.prune() == [old.name]
    assert [p.name for p in old.parent.iterdir()] == [new.name]
    session = store(tmp_path)
    assert tree(session.get({"lr": 1}, train)) == content
    assert session.prune() == [new.name]
    assert train.calls == 2
    assert capsys.readouterr().out == ""


def test_a_damaged_run_in_the_attic_is_not_taken_back(tmp_path):
    train = Trainer()
    old = store(tmp_path).get({"lr": 1}, train)
    store(tmp_path).prune()
    (tmp_path / "attic" / "herd" / old.name / "weights").write_text("junk")
    store(tmp_path).get({"lr": 1}, train)
    assert train.calls == 2


def test_prune_keeps_an_unfinished_run_for_later(tmp_path):
    def killed(folder):
        (folder / "part").write_text("p")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store(tmp_path).get({"lr": 1}, killed)
    store(tmp_path).prune()
    assert list((tmp_path / "runs" / "herd").iterdir()) == []
    assert "part" in tree(store(tmp_path).get({"lr": 1}, Trainer()))


def test_the_attic_is_bounded_and_forgets_the_oldest(tmp_path, monkeypatch):
    monkeypatch.setattr(run_store, "ATTIC_SIZE", 2)
    made = []
    for i in range(4):
        session = store(tmp_path)
        made.append(session.get({"i": i}, Trainer()).name)
        session.prune()
    assert sorted(p.name for p in (tmp_path / "attic" / "herd").iterdir()) == sorted(made[1:3])


def test_the_attic_forgets_the_oldest_where_the_clock_jumps_back(tmp_path, monkeypatch):
    monkeypatch.setattr(run_store, "ATTIC_SIZE", 2)
    made = []
    for i, now in enumerate((5_000, 3_000, 4_000, 1_000)):
        monkeypatch.setattr(run_store.time, "time_ns", lambda now=now: now * 10**9)
        session = store(tmp_path)
        made.append(session.get({"i": i}, Trainer()).name)
        session.prune()
    assert sorted(p.name for p in (tmp_path / "attic" / "herd").iterdir()) == sorted(made[1:3])


# several at once


def half_made(folder):
    (folder / "part").write_text("p")
    raise InputError("lr = 9", "the fit diverged", "lower it")


def asks(*numbers: int, **others) -> list[tuple[dict, object]]:
    return [({"i": i}, others.get(f"n{i}") or Trainer(str(i))) for i in numbers]


def test_several_runs_come_in_the_order_asked_and_one_asked_twice_is_made_once(tmp_path):
    train = Trainer("5")
    session = store(tmp_path)
    found = session.get_many([*asks(2), ({"i": 5}, train), *asks(1), ({"i": 5}, train)])
    assert [(f / "weights").read_text() for f in found] == ["2", "5", "1", "5"]
    assert [f.name for f in found] == [session.key({"i": i}) for i in (2, 5, 1, 5)]
    assert train.calls == 1 and session.prune() == [], "all of them were asked for"


def test_of_several_only_the_missing_are_made(tmp_path):
    store(tmp_path).get({"i": 2}, Trainer("2"))
    first, second = Trainer("1"), Trainer("2")
    found = store(tmp_path).get_many([({"i": 2}, second), ({"i": 1}, first)])
    assert (first.calls, second.calls) == (1, 0)
    assert [(f / "weights").read_text() for f in found] == ["2", "1"]


def test_runs_that_are_all_there_need_no_lock(tmp_path):
    first = store(tmp_path)
    made = first.get_many(asks(1, 2))
    first.release()
    with (tmp_path / ".locks" / "runs-herd").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert store(tmp_path).get_many(asks(1, 2), jobs=2) == made
        with pytest.raises(InputError, match="in use"):
            store(tmp_path).get_many(asks(1, 3))
    assert store(tmp_path).get_many([]) == []


def test_runs_made_side_by_side_are_those_made_in_turn(tmp_path, capsys):
    one = store(tmp_path / "a").get_many(asks(3, 1, 2, 1), jobs=1)
    two = store(tmp_path / "b").get_many(asks(3, 1, 2, 1), jobs=2)
    assert [f.name for f in one] == [f.name for f in two]
    assert tree(tmp_path / "a" / "runs") == tree(tmp_path / "b" / "runs")
    assert len(list((tmp_path / "b" / "machine" / "herd").iterdir())) == 3
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_that_fails_leaves_the_others_finished(tmp_path, jobs):
    session = store(tmp_path)
    failed = session.runs / f".tmp-{session.key({'i': 9})}" / "part"
    with pytest.raises(InputError, match=r"^lr = 9: the fit diverged; lower it$"):
        session.get_many(asks(*((9, 1, 2) if jobs == 2 else (1, 2, 9)), n9=half_made), jobs)
    assert failed.read_text() == "p"
    again = Trainer("again")
    found = store(tmp_path).get_many([({"i": i}, again) for i in (1, 2, 9)])
    assert [(f / "weights").read_text() for f in found] == ["1", "2", "again"] and again.calls == 1
    assert (found[2] / "part").read_text() == "p", "it went on where it was"


def test_several_come_back_from_the_attic(tmp_path):
    old = store(tmp_path).get_many(asks(1, 2))
    content = [tree(folder) for folder in old]
    session = store(tmp_path)
    session.get({"i": 3}, Trainer())
    assert session.prune() == sorted(folder.name for folder in old)
    never = Trainer("never")
    found = store(tmp_path).get_many([({"i": 1}, never), *asks(4), ({"i": 2}, never)])
    assert [tree(folder) for folder in found[::2]] == content and never.calls == 0
    assert (found[1] / "weights").read_text() == "4"


def test_a_damaged_one_of_several_is_made_again(tmp_path):
    first, second = store(tmp_path).get_many(asks(1, 2))
    (second / "weights").write_text("junk")
    again = Trainer("2")
    assert store(tmp_path).get_many([({"i": 1}, again), ({"i": 2}, again)]) == [first, second]
    assert again.calls == 1 and (second / "weights").read_text() == "2"


# one process at a time


def test_a_run_that_another_stage_has_finished_is_copied_not_made_again(tmp_path, capsys):
    lent = store(tmp_path, stage="other").get({"lr": 0.1}, Trainer("theirs"))
    train, borrower = Trainer(), store(tmp_path, shared=["absent", "other"])
    got, own = borrower.get_many([({"lr": 0.1}, train), ({"lr": 0.2}, train)])
    assert train.calls == 1 and tree(got) == tree(lent) and got == tmp_path / "runs" / "herd" / lent.name
    assert "copied from other" in capsys.readouterr().err
    borrower.prune()
    assert got.is_dir() and own.is_dir() and lent.is_dir()


def test_a_damaged_run_of_another_stage_is_not_copied(tmp_path):
    lent = store(tmp_path, stage="other").get({"lr": 0.1}, Trainer("theirs"))
    (lent / "weights").write_text("torn")
    train = Trainer()
    store(tmp_path, shared=["other"]).get({"lr": 0.1}, train)
    assert train.calls == 1


def test_only_stages_that_are_named_share_their_runs(tmp_path):
    store(tmp_path).get({"i": 1}, Trainer())
    train = Trainer()
    store(tmp_path, stage="results", shared=["start"]).get({"i": 1}, train)
    assert train.calls == 1


def test_a_copy_replaces_what_a_kill_left_of_the_run(tmp_path):
    mine = store(tmp_path, stage="results")
    with pytest.raises(InputError, match="diverged"):
        mine.get({"i": 1}, half_made)
    lent = store(tmp_path).get({"i": 1}, Trainer())
    found = store(tmp_path, stage="results", shared=["herd"]).get({"i": 1}, half_made)
    assert tree(found) == tree(lent) and [f.name for f in mine.runs.iterdir()] == [found.name]


def test_a_second_process_is_refused_and_told_who(tmp_path):
    code = """
        import sys
        from pathlib import Path
        from ddet.runs.store import Store
        s = Store("herd", ["ddet.seeds"], {}, Path(sys.argv[1]))
        s.get({}, lambda folder: (print("busy", flush=True), sys.stdin.read()))
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stdout.readline() == "busy\n"
        with pytest.raises(InputError, match=f"in use: process {child.pid}"):
            store(tmp_path).get({"other": 1}, Trainer())
    finally:
        child.kill()
        child.wait()
    store(tmp_path).get({"other": 1}, Trainer())  # the lock died with its owner


def test_reading_a_finished_run_needs_no_lock(tmp_path):
    train = Trainer()
    first = store(tmp_path)
    run = first.get({}, train)
    first.release()
    with (tmp_path / ".locks" / "runs-herd").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert store(tmp_path).get({}, train) == run
        with pytest.raises(InputError, match="in use"):
            store(tmp_path).get({"new": 1}, train)


def test_a_run_that_another_process_finishes_between_the_look_and_the_lock_is_used(tmp_path, capsys, monkeypatch):
    """It was called damaged, and made again."""
    take, theirs, mine = run_store.locks.take, Trainer("theirs"), Trainer("mine")

    def late(lock, folder):
        monkeypatch.setattr(run_store.locks, "take", take)
        other = store(tmp_path)
        other.get({"i": 1}, theirs)
        other.release()
        take(lock, folder)

    monkeypatch.setattr(run_store.locks, "take", late)
    found = store(tmp_path).get_many([({"i": 1}, mine), ({"i": 2}, mine)])
    assert [(f / "weights").read_text() for f in found] == ["theirs", "mine"] and mine.calls == 1
    assert "damaged" not in capsys.readouterr().err


def killed(folder):
    (folder / "part").write_text("p")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_one_line_and_costs_no_finished_run(tmp_path):
    session = store(tmp_path)
    with pytest.raises(InputError) as e:
        session.get_many([({"i": 1}, Trainer("1")), *[({"i": i}, killed) for i in (2, 3)]], jobs=2)
    assert "a process that made a run was killed; rerun: what was finished is kept" in str(e.value)
    again = Trainer("again")
    found = store(tmp_path).get_many([({"i": i}, again) for i in (1, 2, 3)])
    assert all(f.is_dir() for f in found) and again.calls <= 3
    assert (found[1] / "part").read_text() == "p", "it went on where it was"


def test_an_output_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "runs").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="cannot be written") as e:
        store(tmp_path).get({}, Trainer())
    assert "\n" not in str(e.value)


def test_a_full_disk_is_one_line_and_keeps_what_was_saved(tmp_path):
    def fill(folder):
        (folder / "part").write_text("p")
        raise OSError(errno.ENOSPC, "No space left on device", "/full/part")

    with pytest.raises(InputError, match="No space left"):
        store(tmp_path).get({}, fill)
    assert "part" in tree(store(tmp_path).get({}, Trainer()))


def test_other_errors_of_a_fit_are_not_dressed_up(tmp_path):
    def wrong(folder):
        (folder / "nowhere").read_text()

    with pytest.raises(FileNotFoundError):
        store(tmp_path).get({}, wrong)


# the store of a stage


@pytest.fixture
def opened(tmp_path, monkeypatch):
    monkeypatch.setattr(run_store.paths, "DATA", tmp_path)
    return lambda **more: run_store.opened("herd", ["ddet.seeds"], SETTINGS, **more)


def test_a_store_of_a_stage_is_keyed_by_the_machine(opened, tmp_path):
    with opened(prune=True) as kept:
        assert kept.key({"a": 1}) == store(tmp_path, runtime=machine.of(SETTINGS)).key({"a": 1})


def test_leaving_puts_away_what_was_not_asked_for_and_lets_others_in(opened, tmp_path):
    with opened(prune=True) as kept:
        old, new = kept.get({"a": 1}, Trainer()), kept.get({"a": 2}, Trainer())
    with opened(prune=True) as kept:
        assert kept.get({"a": 2}, Trainer()) == new
    assert new.is_dir() and not old.exists() and (tmp_path / "attic" / "herd" / old.name).is_dir()


def test_nothing_is_put_away_unless_asked_nor_after_an_error(opened):
    with opened(prune=True) as kept:
        old = kept.get({"a": 1}, Trainer())
    with opened(prune=False) as kept:
        kept.get({"a": 2}, Trainer())
    with pytest.raises(ZeroDivisionError), opened(prune=True) as kept:
        kept.get({"a": 3}, lambda folder: 1 / 0)
    assert old.is_dir()


def test_runs_of_another_stage_are_lent(opened):
    train = Trainer()
    with opened(prune=True) as kept:
        kept.get({"a": 1}, train)
    with run_store.opened("other", ["ddet.seeds"], SETTINGS, prune=True, shared=["herd"]) as kept:
        kept.get({"a": 1}, train)
    assert train.calls == 1
