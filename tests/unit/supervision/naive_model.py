"""One_for_one once more, as plainly as it can be said: what the core is compared with.

Written from the rules and not from the core: one mutable record per child, plain lists, every
restart ever made is kept and counted again each time. Chance stays outside: the delay of a restart
is taken from the core, which must have scheduled one for just that child at that moment.
"""

import math

from supervision import OnExhausted, Restart, StopCause
from supervision._core._messages import (
    Beaten,
    Begin,
    DeleteChild,
    Ended,
    PauseChild,
    Readied,
    RestartChild,
    StartChild,
    Stop,
    TerminateChild,
    Tick,
)
from tests.unit.supervision.naive_story import Story, outcome_of

UP = ("starting", "ready", "stopping")
GRACE_AT_LEAST = 0.1
TOLERANCE = 1.0  # a tick that late is the loop's fault, not the child's
DOUBLINGS = 6


class NaiveSupervisor:
    """A supervisor without strategy, driven by the same inputs as the core."""

    def __init__(self, spec):
        self.spec = spec
        self.stories = {each.id: Story(each) for each in spec.children}
        self.line = []  # who still waits for the first start
        self.window = []  # every restart that counted, for ever
        self.mode = "new"
        self.is_ready = False
        self.is_urgent = False
        self.gave_up = None
        self.replies = {}
        self.delays = {}  # those that the core has just scheduled

    def feed(self, event, now, delays):
        """Take one input; *delays* are those of the restarts that the core scheduled for it."""
        self.now, self.delays = now, dict(delays)
        match event:
            case Begin():
                self.mode, self.line = "running", list(self.stories)
                for story in self.stories.values():
                    story.phase = "waiting"
            case Readied(child, number):
                self.readied(child, number)
            case Ended(child, number, ending):
                self.ended(child, number, ending)
            case Beaten(child, number, at):
                self.beaten(child, number, at)
            case Tick(due):
                self.tick(due)
            case Stop(is_urgent):
                self.stop_all()
                self.hurry(is_urgent=is_urgent)
            case _:
                self.call(event)
        self.go_on()
        assert not self.delays, "the core restarts somebody that should not be"

    def living(self, child, number):
        story = self.stories.get(child)
        return story if story and story.phase in UP and story.number == number else None

    # The line of first starts, and that of stops.

    def go_on(self):
        if self.mode == "stopping":
            self.stop_next()
        if self.mode == "running":
            self.start_next()

    def start_next(self):
        while self.line:
            story = self.stories[self.line[0]]
            if story.phase == "waiting":
                self.start(story)
            if story.phase in ("starting", "stopping"):
                return
            self.line.pop(0)
        self.is_ready = True

    def stop_next(self):
        up = [story for story in self.stories.values() if story.phase in UP]
        if not up:
            self.mode = "stopped"
        elif self.spec.is_dynamic:
            for story in up:
                self.ask(story, StopCause.SHUTDOWN)
        else:
            self.ask(up[-1], StopCause.SHUTDOWN)

    def stop_all(self):
        if self.mode in ("stopping", "stopped"):
            return
        self.mode = "stopping"
        for story in self.stories.values():
            if story.phase in ("waiting", "backoff", "parked"):
                story.phase, story.due = "stopped", math.inf

    def hurry(self, *, is_urgent):
        self.is_urgent = self.is_urgent or is_urgent
        for story in self.stories.values():
            if is_urgent and story.phase == "stopping":
                self.cancel(story)

    # One child.

    def start(self, story):
        story.phase, story.number = "starting", story.number + 1
        story.due, story.ready_at = self.now + story.spec.start_timeout, None

    def readied(self, child, number):
        story = self.living(child, number)
        if story and story.phase == "starting":
            story.phase, story.ready_at, story.beat_at = "ready", self.now, self.now
            story.wait_for_trouble()
            self.reply(story.starter, "Done")
            story.starter, story.is_new = None, False

    def beaten(self, child, number, at):
        story = self.living(child, number)
        if story:
            story.beat_at = max(story.beat_at, at)
            if story.phase == "ready":
                story.wait_for_trouble()

    def ask(self, story, cause):
        if story.phase == "stopping":
            return
        has_time = cause not in (StopCause.STALLED, StopCause.START_TIMED_OUT)
        may_drain = story.spec.drain > 0 and story.phase == "ready" and has_time
        story.phase, story.asked, story.asked_at = "stopping", cause, self.now
        story.is_cancelled = False
        story.due = self.now + story.spec.drain
        if not may_drain or self.is_urgent:
            self.cancel(story)

    def cancel(self, story):
        grace = 0.0 if self.is_urgent else story.spec.grace
        until = self.now + max(grace, GRACE_AT_LEAST)
        story.due = min(story.due, until) if story.is_cancelled else until
        story.is_cancelled = True

    def tick(self, due):
        expected = min((self.stories[c].due for c in due if c in self.stories), default=math.inf)
        if self.now - expected > TOLERANCE:
            self.forgive()
        for child in due:
            story = self.stories.get(child)
            if story and story.due <= self.now:
                self.expire(story)

    def forgive(self):
        for story in self.stories.values():
            if story.phase == "ready":
                story.beat_at = self.now
                story.wait_for_trouble()
            elif story.phase in ("starting", "stopping") and story.due <= self.now:
                story.due = self.now + TOLERANCE

    def expire(self, story):
        if story.phase == "starting":
            self.ask(story, StopCause.START_TIMED_OUT)
        elif story.phase == "ready":
            beat = story.spec.heartbeat_timeout
            if beat is not None and story.beat_at + beat <= self.now:
                self.ask(story, StopCause.STALLED)
            else:
                story.forget_crashes()
                story.wait_for_trouble()
        elif story.phase == "stopping" and not story.is_cancelled:
            self.cancel(story)
        elif story.phase == "stopping":
            self.abandon(story)
        else:
            self.start(story)

    def ended(self, child, number, ending):
        story = self.stories.get(child)
        if story and number in story.zombies:
            story.zombies.discard(number)
            if story.phase == "zombie" and not story.zombies:
                self.down(story, "stopped")
        elif self.living(child, number):
            self.leave(story, outcome_of(story, ending))

    def abandon(self, story):
        story.zombies.add(story.number)
        self.leave(story, outcome_of(story, None))
        if story.phase not in ("backoff", "parked"):
            story.phase, story.due = "zombie", math.inf

    def leave(self, story, outcome):
        if story.ready_at is not None:
            until = self.now if story.asked is None else story.asked_at
            until = story.beat_at if story.asked is StopCause.STALLED else until
            if until - story.ready_at >= story.spec.backoff.healthy_after:
                story.forget_crashes()
        answer = {"stopped": "interrupted", "ignored": "Done"}.get(outcome, "NotStarted")
        self.reply(story.starter, answer)
        for ticket in story.stoppers:
            self.reply(ticket, "Done")
        was_started_by_hand, was_new, asked = story.starter is not None, story.is_new, story.asked
        story.phase, story.due, story.ready_at = "stopped", math.inf, None
        story.starter, story.is_new, story.stoppers, story.asked = None, False, [], None
        if self.mode == "stopping":
            return
        if was_started_by_hand and outcome in ("not started", "fatal"):
            self.undo_start(story, was_new=was_new)
        elif outcome == "fatal" and story.spec.on_exhausted is OnExhausted.PARK:
            self.park(story, until=math.inf)
        elif outcome == "fatal":
            self.give_up("fatal")
        elif asked is StopCause.TERMINATED:
            self.down(story, "stopped")
        elif self.is_first_start(story) and outcome == "not started":
            self.give_up("start")
        else:
            self.meet_fate(story, outcome)

    def is_first_start(self, story):
        return story.number == 1 and not self.is_ready and not story.spec.lenient_start

    def undo_start(self, story, *, was_new):
        if was_new:
            self.forget(story)
        elif story.on_trial and not (story.spec.exclusive and story.zombies):
            self.park(story)

    def meet_fate(self, story, outcome):
        abnormal = outcome in ("crashed", "stalled", "not started")
        if story.is_temporary or outcome == "ignored":
            comes_back = False
        else:
            comes_back = abnormal or story.spec.restart is Restart.PERMANENT
        if comes_back:
            self.restart(story)
            return
        self.down(story, "done")
        if story.spec.significant and outcome != "ignored":
            self.consider_shutdown()

    def consider_shutdown(self):
        staying = [
            story
            for story in self.stories.values()
            if story.spec.significant and story.phase in (*UP, "waiting", "backoff", "parked")
        ]
        if self.spec.auto_shutdown == "any_significant" or not staying:
            self.stop_all()

    def restart(self, story):
        policy = story.spec.on_exhausted
        recent = [at for at in self.window if at >= self.now - self.spec.period]
        if story.spec.exclusive and story.zombies:
            self.give_up("zombie")
        elif policy is OnExhausted.PARK and (
            story.on_trial or story.restarts >= self.spec.intensity
        ):
            self.park(story)
        elif policy is OnExhausted.ESCALATE and len(recent) >= self.spec.intensity:
            self.give_up("intensity")
        else:
            if policy is OnExhausted.ESCALATE:
                self.window.append(self.now)
            story.restarts += 1
            story.phase, story.due = "backoff", self.now + self.delays.pop(story.spec.id)
            self.leave_line(story)

    def park(self, story, until=None):
        cooldown = story.spec.cooldown * 2 ** min(story.trips, DOUBLINGS)
        story.phase, story.due = "parked", self.now + cooldown if until is None else until
        story.trips, story.on_trial = story.trips + 1, True
        self.leave_line(story)

    def give_up(self, grounds):
        self.gave_up = grounds
        self.stop_all()

    def down(self, story, phase):
        if story.is_temporary or self.spec.is_dynamic:
            self.forget(story)
        else:
            story.phase, story.due = phase, math.inf

    def forget(self, story):
        self.leave_line(story)
        if story.zombies:
            story.phase, story.due = "zombie", math.inf
        else:
            del self.stories[story.spec.id]

    def leave_line(self, story):
        self.line = [child for child in self.line if child != story.spec.id]

    # What operators ask for.

    def reply(self, ticket, answer):
        if ticket is not None:
            self.replies.setdefault(ticket, []).append(answer)

    def call(self, request):
        child = request.spec.id if isinstance(request, StartChild) else request.child
        story = self.stories.get(child)
        if isinstance(request, TerminateChild):
            self.terminate(story, request.ticket)
        elif isinstance(request, PauseChild):
            self.reply(request.ticket, "Done" if story else "not_found")
        elif self.mode in ("stopping", "stopped"):
            self.reply(request.ticket, "stopping")
        elif isinstance(request, StartChild):
            self.add(story, request)
        else:
            self.start_or_delete(story, request)

    def terminate(self, story, ticket):
        if story is None:
            self.reply(ticket, "not_found")
        elif story.phase in UP:
            story.stoppers.append(ticket)
            if self.mode != "stopping":
                self.leave_line(story)
                self.ask(story, StopCause.TERMINATED)
                story.asked = StopCause.TERMINATED
        else:
            self.reply(ticket, "Done")
            if story.phase != "zombie":
                self.leave_line(story)
                self.down(story, "stopped")

    def add(self, story, request):
        if story is None:
            story = Story(request.spec, starter=request.ticket, is_new=True)
            self.stories[request.spec.id] = story
            self.start(story)
        else:
            is_up = story.phase in ("starting", "ready")
            self.reply(request.ticket, "running" if is_up else "present")

    def start_or_delete(self, story, request):
        is_restart = isinstance(request, RestartChild)
        assert is_restart or isinstance(request, DeleteChild)
        if story is None:
            self.reply(request.ticket, "not_found")
        elif story.phase in ("starting", "ready"):
            self.reply(request.ticket, "running")
        elif story.phase in ("stopping", "backoff", "waiting"):
            self.reply(request.ticket, "restarting")
        elif story.zombies and (story.spec.exclusive or not is_restart):
            self.reply(request.ticket, "zombie")
        elif is_restart:
            story.starter = request.ticket
            self.start(story)
        else:
            self.forget(story)
            self.reply(request.ticket, "Done")
