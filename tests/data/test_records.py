"""Records of finished clips: whole or not, swept, and named by code as well."""

import json

from ddet.data import crops, faces, records, video


def record(out, sizes=(3, 4)):
    entries = []
    for i, size in enumerate(sizes):
        (out / f"{i}.png").write_bytes(b"x" * size)
        entries.append({"crop": f"{i}.png"})
    part = out / "part.json"
    part.write_text(json.dumps({"faces": entries, "bytes": list(sizes)}))
    return part


def test_a_record_is_whole_while_its_crops_are(tmp_path):
    part = record(tmp_path)
    assert records.is_whole(part, tmp_path) and not records.is_whole(tmp_path / "other.json", tmp_path)
    (tmp_path / "1.png").write_bytes(b"x")
    assert not records.is_whole(part, tmp_path)


def test_what_nothing_asks_for_is_swept(tmp_path):
    kept, gone = tmp_path / "crops/a/1.png", tmp_path / "crops/b/1.png"
    for path in (kept, gone):
        path.parent.mkdir(parents=True)
        path.write_text("")
    records.sweep(tmp_path, {kept})
    assert kept.exists() and not gone.parent.exists()


def test_a_file_is_known_by_its_content(tmp_path):
    for name, text in {"a": "1", "b": "1", "c": "2"}.items():
        (tmp_path / name).write_text(text)
    one, same, other = (records.fingerprint(tmp_path / name) for name in "abc")
    assert one == same != other and records.fingerprint(tmp_path / "d").startswith("cannot be read")


def test_the_code_of_a_crop_is_all_that_makes_it():
    assert records.code((crops,))[0] != records.code((video,))[0]
    assert {m.__name__.split(".")[-1] for m in faces.CODE} >= {"video", "stills", "upright", "container", "sampling"}
    assert records.code((crops,))[1:] and all(" " in library for library in records.code((crops,))[1:])
