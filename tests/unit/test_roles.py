"""What a node knows of the roles that one node at a time has."""

from datetime import UTC, datetime, timedelta

from hsid.roles import Role, RoleBoard, RoleStanding, RoleState

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def test_a_state_is_news_once_and_keeps_the_time_at_which_it_began():
    """Whoever waits for an hour has waited since then, however often it was noted."""
    board = RoleBoard()

    assert board.note(Role.BATCHER, RoleState.STANDING_BY, NOW)
    assert not board.note(Role.BATCHER, RoleState.STANDING_BY, LATER)
    assert board.standings == (RoleStanding(Role.BATCHER, RoleState.STANDING_BY, NOW),)
    assert board.note(Role.BATCHER, RoleState.HELD, LATER)
    assert board.standings == (RoleStanding(Role.BATCHER, RoleState.HELD, LATER),)


def test_roles_are_listed_in_their_own_order():
    """Whichever was heard of first: a table that changes its order can't be read."""
    board = RoleBoard()
    for role in (Role.RETENTION, Role.BATCHER):
        board.note(role, RoleState.HELD, NOW)

    assert [each.role for each in board.standings] == [Role.BATCHER, Role.RETENTION]
    assert RoleBoard().standings == ()
