"""The demo's story: what it promises to show, its pictures, and how they are delivered."""

from collections import Counter
from datetime import date
from io import BytesIO

import pytest
import trio
from PIL import Image

from hsid.cli.demo import player
from hsid.cli.demo.pictures import render
from hsid.cli.demo.story import (
    CAMERAS,
    CutShort,
    Delivery,
    Sample,
    Text,
    View,
    cat_story,
    tell_story,
)

DAY = date(2025, 3, 4)


def names_of(scenes):
    return [(scene.camera, player.file_name(scene, DAY)) for scene in scenes]


@pytest.fixture
def root(tmp_path):
    for camera in CAMERAS:
        (tmp_path / camera).mkdir()
    return tmp_path


def test_the_visitor_comes_to_the_front_door_at_02_13_and_stays():
    """Seven pictures or more over about a minute, from 02:13:00."""
    visit = [s for s in tell_story() if s.camera == "Front Door"]

    assert len(visit) >= 7
    assert visit[0].at.isoformat() == "02:13:00"
    assert visit[-1].at.isoformat() == "02:14:00"
    assert {s.content.sample for s in visit} == {Sample.ASTRONAUT}


def test_the_story_is_told_in_order_and_no_file_overwrites_another():
    """Scenes come by the clock, and each has a name of its own."""
    scenes = tell_story()

    assert [s.at for s in scenes] == sorted(s.at for s in scenes)
    assert len(set(names_of(scenes))) == len(scenes)
    assert {s.camera for s in scenes} == set(CAMERAS)


def test_the_story_has_a_duplicate_empty_scenes_and_three_kinds_of_trouble():
    """Every end that the accounting names, but dead, is in it."""
    contents = Counter(scene.content for scene in tell_story())
    kinds = Counter(type(content) for content in contents)

    assert [type(c) for c, count in contents.items() if count == 2] == [View]
    assert (kinds[CutShort], kinds[Text]) == (1, 2)
    assert sum(getattr(c, "sample", "") in {Sample.ROCKET, Sample.COFFEE} for c in contents) >= 2


@pytest.mark.parametrize("visitor", list(Sample))
def test_different_scenes_have_different_bytes(visitor):
    """Only what the story means to be a duplicate is one, whoever comes to the door."""
    contents = {scene.content for scene in tell_story(visitor=visitor)}

    assert len({render(content) for content in contents}) == len(contents)


def test_the_same_scene_has_the_same_bytes():
    """A file sent twice is the same file."""
    view = tell_story()[0].content

    assert render(view) == render(view)


def test_the_visitor_can_be_swapped():
    """With another visitor nothing else of the story changes."""
    mine, theirs = tell_story(), tell_story(visitor=Sample.COFFEE)

    assert names_of(mine) == names_of(theirs)
    assert {a.camera for a, b in zip(mine, theirs, strict=True) if a != b} == {"Front Door"}


@pytest.mark.parametrize("scene", [*tell_story(), *cat_story()], ids=lambda s: f"{s.at}")
def test_views_are_whole_pictures_without_a_capture_time_inside(scene):
    """A view can be decoded, and says nothing of when it was taken; what is cut can't be."""
    content = render(scene.content)
    if isinstance(scene.content, View):
        with Image.open(BytesIO(content)) as picture:
            picture.load()
            assert not picture.getexif()
    else:
        with pytest.raises(OSError, match=r"truncated|cannot identify"):
            Image.open(BytesIO(content)).load()


async def test_every_scene_arrives_whole_under_its_name(root, autojump_clock):
    """However it was delivered, the file is there with its bytes, and nothing else is."""
    told = []
    await player.play(tell_story(), root, DAY, delivered=told.append)

    found = {(p.parent.name, p.name): p.read_bytes() for p in root.glob("*/*")}
    assert tuple(told) == tell_story()
    assert found == {
        name: render(scene.content) for name, scene in zip(names_of(told), told, strict=True)
    }


async def test_a_slow_delivery_shows_the_file_before_it_is_whole(root, autojump_clock):
    """A watcher gets to see an unfinished file grow under its final name."""
    scene = next(s for s in tell_story() if s.delivery is Delivery.SLOWLY)
    path = root / scene.camera / player.file_name(scene, DAY)
    sizes = []

    async with trio.open_nursery() as nursery:

        async def watch():
            while True:
                await trio.sleep(player.BETWEEN_PIECES / 4)
                sizes.append(path.stat().st_size if path.exists() else 0)

        nursery.start_soon(watch)
        await player.play([scene], root, DAY, delivered=lambda _: None)
        nursery.cancel_scope.cancel()

    whole = len(render(scene.content))
    assert sizes == sorted(sizes)
    assert any(0 < size < whole for size in sizes)
    assert sizes[-1] == whole


async def test_names_hold_the_capture_time(root, autojump_clock):
    """The daemon can read day and time from the name."""
    await player.play(cat_story(), root, DAY, delivered=lambda _: None)

    assert (root / "Back Yard" / "MDAlarm_20250304-054710.jpg").is_file()
