"""Files of hsid's own: backups, thumbnails and clips, counted and deleted with what they show."""

import os

import pytest

from hsid.media.names import OfBatch, OfUpload, name_of, origin_of

BATCH = "{:032x}".format


def clip(home, number, *, days, size=100, ending=".mp4"):
    """Write the clip of a batch."""
    return home.own_file(f"clips/{name_of(OfBatch(BATCH(number)), ending)}", days=days, size=size)


def thumbnail(home, upload_id, *, days, size=100, ending=".jpg"):
    """Write the thumbnail of an upload, in a subfolder."""
    name = name_of(OfUpload(upload_id), ending)
    return home.own_file(f"thumbnails/{upload_id % 2}/{name}", days=days, size=size)


def judged(home, number, *, days):
    """Let a picture be a batch with a clip and a thumbnail; return its files."""
    upload_id = home.see(f"gate/{number}.jpg", days=days)
    home.batch(BATCH(number), "gate", upload_id)
    return clip(home, number, days=days), thumbnail(home, upload_id, days=days)


def names(items, kind="medium"):
    return [item.name for item in items if item.kind == kind]


def used(home):
    return home.sweep(is_dry_run=True)[0].measured.situation.used_bytes


def test_thumbnail_and_clip_go_with_their_event(home):
    """In the same round, after the rows; those of the young one stay."""
    old, young = judged(home, 1, days=40), judged(home, 2, days=3)
    _, items = home.sweep()
    assert sorted(names(items)) == sorted(path.name for path in old)
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in young)
    assert [item.kind for item in items].index("medium") > [i.kind for i in items].index("batch")


def test_thumbnail_and_clip_of_an_event_with_a_star_stay(home):
    """However old, and however little room there is."""
    kept, other = judged(home, 1, days=40), judged(home, 2, days=20)
    home.star(BATCH(1))
    home.sweep(max_bytes=1)
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in other)


def test_what_nothing_refers_to_goes_after_its_time_of_grace(home):
    """It may be of a batch whose row is only being written; unfinished ones are of no use."""
    home.judged("gate/1.jpg", days=1)
    for n in (2, 3):
        judged(home, n, days=3)
    gone = [clip(home, 7, days=0.05), clip(home, 2, days=0.05, ending=".mp4.part")]
    stay = [clip(home, 8, days=0.03), clip(home, 3, days=0.03, ending=".mp4.part")]
    home.sweep()
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in stay)


@pytest.mark.parametrize("name", ["2024.jpg", "1-holiday.mp4", "upload-.jpg", "batch-1.mp4", "x"])
def test_a_file_that_hsid_did_not_name_is_somebody_elses(home, name):
    """Whatever folder the settings name: it is neither counted nor deleted."""
    home.judged("gate/1.jpg", days=3)
    before = used(home)
    path = home.own_file(f"clips/{name}", days=99)
    result, _ = home.sweep(max_bytes=1)
    assert path.exists()
    assert result.measured.situation.used_bytes == before
    assert origin_of(name) is None


def test_nothing_is_deleted_through_a_link_to_another_folder(home):
    """A walk stays in the folders of the settings."""
    home.judged("gate/1.jpg", days=3)
    outside = home.root.parent / "outside"
    outside.mkdir()
    path = outside / name_of(OfBatch(BATCH(9)), ".mp4")
    path.touch()
    os.utime(path, (5, 5))
    (home.data / "clips").mkdir()
    (home.data / "clips/link").symlink_to(outside)
    assert names(home.sweep(max_bytes=1)[1]) == []
    assert path.exists()


def test_for_room_the_oldest_clips_go_before_any_event(home):
    """A clip takes what a thousand events take."""
    for n in range(8):
        judged(home, n, days=20 - n)
        clip(home, n, days=20 - n, size=100_000)
    _, items = home.sweep(max_bytes=used(home) - 250_000)
    assert {(item.kind.value, item.reason.value) for item in items} == {("medium", "size")}
    clips = [each for each in names(items) if each.startswith("batch")]
    assert clips == [name_of(OfBatch(BATCH(n)), ".mp4") for n in range(3)]
    assert len(home.ids("events")) == 8


def test_backups_go_by_age_or_for_room_and_a_new_one_costs_no_history(home):
    """One that was made yesterday, before a migration, is what leads back."""
    judged(home, 1, days=20)
    old = home.own_file("security.db.schema-0001.x.backup", days=31)
    some = home.own_file("security.db.schema-0002.x.backup", days=3, size=50_000)
    new = home.own_file("security.db.schema-0003.x.backup", days=0.5, size=50_000)
    home.sweep()
    assert not old.exists()
    _, items = home.sweep(max_bytes=used(home) - 60_000)
    assert names(items, "backup") == [some.name]
    assert new.exists()
    assert len(home.ids("events")) == 1


def test_a_dry_run_names_the_files_that_go(home):
    """With those whose rows would be gone by then; and nothing is left to name afterwards."""
    for n in range(6):
        judged(home, n, days=25 + 3 * n)
    clip(home, 77, days=1)
    home.own_file("security.db.schema-0001.x.backup", days=31)
    before = home.contents()
    dry, foretold = home.sweep(is_dry_run=True, delete_images=True)
    assert home.contents() == before
    real, gone = home.sweep(delete_images=True)
    assert foretold == gone
    assert dry.counts == real.counts
    assert (real.counts["medium"], real.counts["backup"]) == (9, 1)
    assert home.sweep(is_dry_run=True, delete_images=True)[1] == []
