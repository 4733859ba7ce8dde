"""The core and the naive model, fed the same and compared after each step."""

import math
from dataclasses import fields

from supervision import ChildExited, RestartScheduled
from supervision._core import initial_state, step
from supervision._core._messages import Done, Emit, NotStarted, Reply
from tests.unit.supervision.naive_model import NaiveSupervisor

TIMED = ("starting", "stopping", "backoff", "parked")
"""The phases that end by themselves."""


def name_of(answer):
    """Return the answer as the model words it."""
    return type(answer).__name__ if isinstance(answer, Done | NotStarted) else answer.value


def told_of(event):
    """Return what *event* says apart from when and of which supervisor, as the model puts it."""
    facts = {each.name: getattr(event, each.name) for each in fields(event)}
    del facts["supervisor"], facts["at"]
    if isinstance(event, ChildExited):
        facts["outcome"] = type(event.outcome).__name__
    return {"name": event.name, **dict(sorted(facts.items()))}


def known_of(child):
    """Return what the core knows of *child*, as far as the model does."""
    return {
        "phase": child.phase.value,
        "since": child.since,
        "number": child.incarnation,
        "due": (child.due, child.deadline),
        "life": (child.ready_at, child.beat_at),
        "stop": (child.cause, child.stage),
        "restarts": (child.attempt, child.restarts, child.trips, child.is_trial),
        "tickets": (child.start_ticket, child.is_new, child.stop_tickets),
    }


def known_of_story(story):
    """Return the same of the model's story."""
    is_timed = story.phase in TIMED and story.due < math.inf
    return {
        "phase": story.phase,
        "since": story.since,
        "number": story.number,
        "due": (story.due, story.due if is_timed else None),
        "life": (story.ready_at, story.beat_at),
        "stop": (story.asked, story.stage),
        "restarts": (story.restarts, story.restarts_ever, story.trips, story.on_trial),
        "tickets": (story.starter, story.is_new, tuple(story.stoppers)),
    }


def compare(state, events, replies, model):
    """Hold what the core is, and has just said, against the model."""
    assert {child: known_of(each) for child, each in state.children.items()} == {
        child: known_of_story(each) for child, each in model.stories.items()
    }
    assert sorted(map(repr, map(told_of, events))) == sorted(map(repr, model.told))
    answers = {ticket: [name_of(each) for each in given] for ticket, given in replies.items()}
    assert answers == model.replies
    assert (state.give_up.grounds.value if state.give_up else None) == model.gave_up
    assert (state.mode.value, state.since) == (model.mode, model.since)
    assert (state.is_ready, state.is_urgent) == (model.is_ready, model.is_urgent)
    assert list(state.rollout) == model.line
    assert (state.restarts, state.stale_notices) == (model.restarts, model.stale)


class Duel:
    """Plays one story on both."""

    def __init__(self, spec, now=0.0):
        self.state = initial_state(spec, path="root", seed=0.5, now=now)
        self.model = NaiveSupervisor(spec, now)
        self.replies = {}

    def feed(self, event, now):
        """Give both the same input, and compare; return the names of the events."""
        self.state, actions = step(self.state, event, now)
        events = [each.event for each in actions if isinstance(each, Emit)]
        for each in actions:
            if isinstance(each, Reply):
                self.replies.setdefault(each.ticket, []).append(each.answer)
        delays = {each.child: each.delay for each in events if isinstance(each, RestartScheduled)}
        self.model.feed(event, now, delays)
        compare(self.state, events, self.replies, self.model)
        return [each.name for each in events]
