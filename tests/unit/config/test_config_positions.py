"""Keys are found on their lines, whatever stands in the strings between them."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from hsid.config.positions import key_positions, position_of

DOCUMENT = '''\
# batch_window_seconds = 1

app_name = """
api_port = 2
[[cameras]]
"""
api_keys = [
  "debug = true",  # not a key
]
"quoted" = 1

[[cameras]]
id = "a"

[[cameras]]
id = "b"
inline = { x = 1 }
[cameras.zone]
deep.er = 1
'''


def test_each_key_stands_on_its_line():
    """Comments, strings and lists over several lines are not mistaken for keys."""
    positions = key_positions(DOCUMENT)
    expected = {
        ("app_name",): 3,
        ("api_keys",): 7,
        ("quoted",): 10,
        ("cameras",): 12,
        ("cameras", 0, "id"): 13,
        ("cameras", 1, "id"): 16,
        ("cameras", 1, "inline", "x"): 17,
        ("cameras", 1, "zone", "deep", "er"): 19,
    }
    assert {path: positions.get(path) for path in expected} == expected
    assert ("api_port",) not in positions


def test_what_has_no_line_of_its_own_has_that_around_it():
    """A missing key is looked for in its table."""
    positions = key_positions(DOCUMENT)
    assert position_of(positions, ("cameras", 1, "nowhere")) == 15
    assert position_of(positions, ("nowhere",)) is None


VALUES = st.sampled_from(
    [
        "1",
        "true",
        '"x"',
        '"""\n[t]\nk = 1\n"""',
        "[\n 1, # c = 2\n]",
        "'''\n# '''",
        '"""a\\"""\n[b"""',
        '"""\n"a" ["""""',
        '["]", "\\"[", # ]\n \'[\', [\n{ a = "}" }]]',
        "'''\n['''''",
        '{ a = [\n 1 ], "b#" = "\\\\" }',
        "{ a = 1 }",
        "1979-05-27",
    ]
)
BETWEEN = st.sampled_from(["", "\n", "# k = 1\n", "   \n\n", "\t# [x]\n"])


@given(st.lists(st.tuples(BETWEEN, VALUES), max_size=8))
def test_any_document_is_traced_line_by_line(parts):
    """Every key of a document is found on the line that it was written to."""
    text, expected = "", {}
    for number, (between, value) in enumerate(parts):
        text += between
        expected[f"key{number}",] = text.count("\n") + 1
        text += f"key{number} = {value}\n"
    positions = key_positions(text)
    assert len(tomllib.loads(text)) == len(parts)
    assert {path: positions[path] for path in expected} == expected


def test_the_work_grows_no_faster_than_the_document(monkeypatch):
    """Nothing is parsed twice, however long a list is."""
    parsed = []
    loads = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda text: parsed.append(len(text)) or loads(text))
    text = "api_keys = [\n" + '  "[a, b]", # ]\n' * 2000 + "]\nlast = 1\n"
    assert key_positions(text)["last",] == 2003
    assert sum(parsed) <= len(text)
