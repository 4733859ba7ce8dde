"""Values of labels are few, and such that every page can hold them."""

from hypothesis import given
from hypothesis import strategies as st

from hsid.observe.metrics.labels import OTHER, BoundedLabel


@given(st.lists(st.text(max_size=8), max_size=100))
def test_however_many_values_come_few_have_series(values):
    """The first ones have their own, and keep it; all later ones share one."""
    label = BoundedLabel(5)
    first = [label.of(value) for value in values]

    assert len(set(first) - {OTHER}) <= 5
    assert [label.of(value) for value in values] == first


def test_what_is_let_in_has_its_series_whoever_came_first():
    """The configured cameras are their owner's choice, however many they are."""
    label = BoundedLabel(1)
    strangers = [label.of(value) for value in ("a", "b")]
    label.admit(["gate", "yard"])

    assert strangers == ["a", OTHER]
    assert [label.of(value) for value in ("c", "yard", "gate")] == [OTHER, "yard", "gate"]


def test_a_value_that_utf_8_does_not_have_is_spelled_out():
    """One odd name must not cost the whole page."""
    assert BoundedLabel(1).of("gate\udcff").encode() == rb"gate\udcff"
