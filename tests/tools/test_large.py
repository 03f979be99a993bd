"""Large files are refused with their size; what is gone is passed over."""

from ddet.tools import large


def test_a_large_file_is_refused_with_its_size(tmp_path, capsys):
    (tmp_path / "video.mp4").write_bytes(bytes(large.LIMIT + 1))
    (tmp_path / "table.csv").write_bytes(bytes(large.LIMIT))
    files = [str(tmp_path / name) for name in ("table.csv", "video.mp4", "deleted.csv")]
    assert large._main(files) == 1
    assert capsys.readouterr().out.startswith(f"{files[1]}: 1.5 MB is over 1.5 MB; version it with DVC")
    assert large._main([files[0], files[2]]) == 0 and capsys.readouterr().out == ""


def test_every_large_file_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(large, "LIMIT", 2)
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(bytes(2 + (name != "b")))
    assert large._main([str(tmp_path / name) for name in "abc"]) == 1
    assert [line.split(": ")[0] for line in capsys.readouterr().out.splitlines()] == [str(tmp_path / n) for n in "ac"]


def test_no_file_is_no_large_file(tmp_path):
    assert large._main([]) == large._main([str(tmp_path)]) == 0
