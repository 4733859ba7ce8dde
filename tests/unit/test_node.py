"""The name of a node."""

import re

import pytest

from hsid.node import node_name
from hsid.store.errors import StoreUnavailableError


def test_a_node_keeps_its_name(tmp_path):
    """After a restart its pending entries are its own again."""
    assert node_name(tmp_path) == node_name(tmp_path)


def test_two_data_folders_are_two_nodes(tmp_path):
    """Also on one machine: they must not take each other's entries for their own."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert node_name(tmp_path / "a") != node_name(tmp_path / "b")


@pytest.mark.parametrize("rest", ["", "\0\0\0\0", "two words", "x" * 200])
def test_what_is_no_name_is_replaced(tmp_path, rest):
    """A crash or an editor may have left anything there."""
    (tmp_path / "node").write_text(rest)

    assert re.fullmatch(r"[\w.-]+-[0-9a-f]{8}", node_name(tmp_path))


def test_a_folder_that_is_not_there_is_told(tmp_path):
    """The error names the file."""
    with pytest.raises(StoreUnavailableError, match="node"):
        node_name(tmp_path / "missing")
