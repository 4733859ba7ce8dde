"""What is said to have no effect has none, and the other way round."""

import ast
from itertools import chain
from pathlib import Path

from hsid.config import Settings, advice

ROOT = Path(__file__).parents[3]
EXAMINED = {"nemotron_url", "tls_mode", "tls_cert_path", "tls_key_path"}
"""What the doctor looks at before anything uses it."""


def modules():
    """Yield the syntax tree of each module that may ask for a setting."""
    for path in chain(ROOT.glob("hsid/**/*.py"), ROOT.glob("actors/*.py")):
        if not path.is_relative_to(ROOT / "hsid" / "config"):
            yield ast.parse(path.read_text())


def test_the_settings_without_effect_are_those_that_nothing_asks_for():
    """A setting that comes into use leaves the list; one that nothing reads is on it."""
    nodes = chain.from_iterable(map(ast.walk, modules()))
    asked = {node.attr for node in nodes if isinstance(node, ast.Attribute)}

    assert frozenset(Settings.model_fields) - (asked - EXAMINED) == advice._FOR_LATER
