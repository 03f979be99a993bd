"""The official protocol: the lists are followed, and what they lack is carved out of train."""

from manifests import both_classes, dense, dfdc, protocol


class TestCelebDF:
    def test_official_keeps_the_test_list_and_carves_valid_by_original(self):
        rows = protocol(dense(0), "official")
        assert (rows.split[rows.official_split == "test"] == "test").all() and "dropped" not in set(rows.split)
        carved = rows[rows.official_split == "train"]
        assert set(carved.reason) == {"carved out of the official train part by original"}
        assert set(carved.split) == {"train", "valid"} and (carved.groupby("original").split.nunique() == 1).all()
        assert 0.15 < (carved.split == "valid").mean() < 0.35  # .2 / (.6 + .2)

    def test_without_list_official_drops_all(self):
        rows = protocol(dense(0).assign(official_split=""), "official")
        assert set(zip(rows.split, rows.reason, strict=True)) == {("dropped", "its dataset gives no official split")}


class TestDFDC:
    def test_few_parts_are_carved_by_original(self):
        rows = protocol(dfdc([3] * 10, parts=2), "official")
        assert both_classes(rows) and (rows.groupby("group").split.nunique() == 1).all()
        assert set(rows.reason) == {"carved out of the official train part by original"}

    def test_many_parts_are_carved_whole(self):
        rows = protocol(dfdc([3] * 24, parts=12), "official")
        assert both_classes(rows) and (rows.groupby(rows.clip_id.str.split("/").str[1]).split.nunique() == 1).all()
        assert set(rows.reason) == {"carved out of the official train part by part"}
