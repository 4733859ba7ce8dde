"""What thumbnails and clips are called, there and back."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hsid.media.names import OfBatch, OfUpload, name_of, origin_of

ORIGINS = st.integers(1, 10**18 - 1).map(OfUpload) | st.uuids().map(lambda id_: OfBatch(id_.hex))
ENDINGS = st.sampled_from([".jpg", ".mp4", "-320.jpg", ".mp4.part"])


@given(ORIGINS, ENDINGS)
def test_a_name_leads_back_to_what_it_was_made_from(origin, ending):
    """Whatever it ends in."""
    assert origin_of(name_of(origin, ending)) == origin


@given(ORIGINS, st.text(max_size=5))
def test_only_names_of_hsids_own_making_are_taken_for_such(origin, more):
    """Nothing before it, no digit more: what lies in a folder may be somebody else's."""
    name = name_of(origin, ".jpg")
    if more:
        assert origin_of(more + name) is None
    assert origin_of(name.replace(".jpg", "0.jpg")) != origin
    assert origin_of(f"{UUID(int=1).hex}.jpg") is None
