"""A whole daemon beside a driver that is not to be trusted."""

from benchmarks._daemon import running


def test_the_status_shows_the_cards_and_a_lost_one_degrades_the_house(driver, tmp_path):
    """The figures come through the API; with the card, health comes back."""
    with running(tmp_path / "house", gpu_poll_interval_seconds=1) as daemon:
        daemon.wait_until(lambda status: len(status["gpus"]) == 2)
        first, _ = daemon.status()["gpus"]
        assert (first["name"], first["state"], first["power_watts"]) == ("Stand-in 0", "ok", 70.5)

        driver.say("cards 2", "lost 1")
        daemon.wait_until(lambda status: status["health"]["state"] == "degraded")
        status = daemon.status()
        assert [gpu["state"] for gpu in status["gpus"]] == ["ok", "lost"]
        assert "Stand-in 1" in status["health"]["troubles"][0]

        driver.say("cards 2")
        daemon.wait_until(lambda status: status["health"]["state"] == "ok")


def test_a_house_without_a_driver_is_well_and_has_no_cards(without_driver, tmp_path):
    """Most have none."""
    with running(tmp_path / "house") as daemon:
        status = daemon.status()

    assert (status["gpus"], status["health"]["state"]) == ([], "ok")
