"""From a file in the folder to its row in the ledger."""

from hsid.store import cameras


async def test_a_new_camera_is_called_like_its_folder(bench, picture) -> None:
    """People read the name of the folder, not the id that was made of it."""
    (bench.root / "front").rename(bench.root / "Front Door")
    (bench.root / "Front Door" / "a.jpg").write_bytes(picture())
    (look,) = await bench.inspector.look([b"Front Door/a.jpg"])
    arrival = await bench.inspector.inspect(b"Front Door/a.jpg", look.stamp)

    await bench.feeder.receive([arrival])

    (camera,) = await bench.store.read(cameras.list_all)
    assert (camera.id, camera.name) == ("front_door", "Front Door")
