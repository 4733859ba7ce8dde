"""`hsid retention`: by hand, beside a daemon, and without anything to do."""

import json

import pytest
from click.testing import CliRunner

from hsid.cli.hsid import main
from hsid.store.lock import DataDirLock
from tests.integration.retention.conftest import Home


@pytest.fixture
def run(home, tmp_path, monkeypatch):
    """Return a function that runs `hsid retention ...` on the house."""
    for name in ("HSID_DATA_DIR", "DATABASE_URL", "HSID_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "hsid.toml"
    config.write_text(f'data_dir = "{home.data}"\nfoscam_base_path = "{home.root}"\n')

    def call(*arguments):
        home.database.close()  # a command has the file to itself
        return CliRunner().invoke(main, ["retention", *arguments, "--config", str(config)])

    return call


def items_of(result):
    return [(each["kind"], each["name"]) for each in json.loads(result.stdout)["items"]]


def test_a_dry_run_says_what_the_run_then_deletes(home, run):
    """Both as one JSON document, and the second dry run has nothing to say."""
    home.judged("gate/1.jpg", days=3000)
    home.judged("gate/2.jpg", days=2999)
    foretold = items_of(run("run", "--dry-run", "--json"))
    assert len(home.ids("events")) == 2
    assert items_of(run("run", "--json")) == foretold
    assert len(foretold) == 6
    assert home.ids("events") == set()
    assert items_of(run("run", "--dry-run", "--json")) == []
    assert home.adds_up()


def test_people_read_a_table_and_a_sum(home, run):
    """What goes, which, of which camera and why."""
    home.judged("gate/1.jpg", days=3000)
    lines = run("run", "--dry-run").stdout.splitlines()
    assert lines[0].split() == ["WHAT", "WHICH", "CAMERA", "WHY"]
    assert lines[1].split() == ["event", "1", "gate", "age"]
    assert lines[-1] == "would be deleted: 1 event, 1 batch, 1 details"
    assert run("run").stdout.splitlines()[-1] == "deleted: 1 event, 1 batch, 1 details"
    assert run("run").stdout == "deleted: nothing\n"


def test_beside_a_daemon_only_looking_is_possible(home, run):
    """The daemon has its own rounds; two brooms at once are one too many."""
    home.judged("gate/1.jpg", days=3000)
    with DataDirLock(home.data):
        refused = run("run")
        assert run("run", "--dry-run").exit_code == 0
        assert run("status").exit_code == 0
    assert refused.exit_code == 1
    assert "every 60 minutes; --dry-run shows" in refused.stderr
    assert len(home.ids("events")) == 1


@pytest.mark.parametrize("arguments", [("run",), ("run", "--dry-run"), ("status",)])
def test_without_a_database_there_is_nothing_to_do_and_none_is_made(home, run, arguments):
    """A mistyped folder must not become a house."""
    home.database.close()
    home.path.unlink()
    result = run(*arguments)
    assert result.exit_code == 1
    assert "there is no database at" in result.stderr
    assert not home.path.exists()


def test_an_empty_store_says_why_nothing_is_deleted(home, run):
    """Exit 0: there is nothing wrong, and nothing done."""
    result = run("run")
    assert result.exit_code == 0
    assert result.stdout == "the store is empty: nothing is deleted\n"


def test_the_status_shows_limits_and_sizes(home, run):
    """What is asked for, what there is, and from when the oldest is."""
    home.judged("gate/1.jpg", days=2)
    document = json.loads(run("status", "--json").stdout)
    assert document["retention_days"] == 30
    assert document["database_bytes"] > 0
    assert document["first_arrival"] == "2026-02-27T12:00:00+00:00"
    assert document["standstill"] is None
    lines = run("status").stdout.splitlines()
    assert "retention days: 30" in lines
    assert lines[-1].startswith("days left at this rate: ")


def test_the_status_counts_everything_that_hsid_has_written(home, run):
    """Thumbnails, clips, backups and logs, the open one too; and says how long the room lasts."""
    home.judged("gate/1.jpg", days=2)
    for name in ("security.db.schema-1.backup", "clips/upload-1.mp4", "thumbnails/upload-1.jpg"):
        home.own_file(name, days=1)
    home.log("security.log", days=0, size=70)
    document = json.loads(run("status", "--json").stdout)
    sizes = (document[name] for name in ("backup_bytes", "media_bytes", "log_bytes"))
    assert tuple(sizes) == (100, 200, 70)
    assert document["used_bytes"] == document["database_bytes"] + 370
    assert document["outlook"] == "steady"
    assert document["starred_events"] == 0


def test_a_round_by_hand_sweeps_a_database_on_a_server_too(tmp_path, new_postgres_url, monkeypatch):
    """While no daemon of this data folder runs."""
    monkeypatch.chdir(tmp_path)
    home = Home(tmp_path, new_postgres_url())
    home.judged("gate/1.jpg", days=3000)
    monkeypatch.setenv("HSID_DATABASE_URL", home.url)
    monkeypatch.setenv("HSID_REDIS_URL", "redis://localhost:1")
    monkeypatch.setenv("HSID_DATA_DIR", str(home.data))
    monkeypatch.setenv("HSID_FOSCAM_BASE_PATH", str(home.root))
    done = CliRunner().invoke(main, ["retention", "run"])
    assert done.stdout.splitlines()[-1] == "deleted: 1 event, 1 batch, 1 details"
    assert home.ids("events") == set()
    home.database.close()
