"""One_for_one once more, as plainly as it can be said: what the core is compared with.

Written from the rules and not from the core: one mutable record per child, plain lists, every
restart ever made is kept and counted again each time. Chance stays outside: the delay of a restart
is taken from the core, which must have scheduled one for just that child at that moment.
"""

import math

from supervision import OnExhausted, Stage, StopCause
from supervision._core._messages import Beaten, Begin, Ended, Readied, Stop, Tick
from supervision._outcome import Raised
from tests.unit.supervision.naive_calls import UP, NaiveCalls
from tests.unit.supervision.naive_story import NOT_STARTED, Story, error_of, outcome_of

GRACE_AT_LEAST = 0.1
TOLERANCE = 1.0  # a tick that late is the loop's fault, not the child's
DOUBLINGS = 6
NO_TIME_TO_DRAIN = (StopCause.STALLED, StopCause.START_TIMED_OUT)


class NaiveSupervisor(NaiveCalls):
    """A supervisor without strategy, driven by the same inputs as the core."""

    def __init__(self, spec, now):
        self.spec = spec
        self.stories = {each.id: Story(each, now) for each in spec.children}
        self.line = []  # who still waits for the first start
        self.window = []  # every restart that counted, for ever
        self.mode, self.since = "new", now
        self.is_ready = False
        self.is_urgent = False
        self.gave_up = None
        self.paused = set()
        self.restarts = 0
        self.ends = {}
        self.stale = 0
        self.replies = {}
        self.delays = {}  # those that the core has just scheduled
        self.told = []  # of the last input

    def feed(self, event, now, delays):
        """Take one input; *delays* are those of the restarts that the core scheduled for it."""
        self.now, self.delays, self.told = now, dict(delays), []
        match event:
            case Begin():
                self.switch("running")
                self.line = list(self.stories)
                for story in self.stories.values():
                    self.enter(story, "waiting")
            case Readied(child, number):
                self.readied(child, number)
            case Ended(child, number, ending):
                self.ended(child, number, ending)
            case Beaten(child, number, at):
                self.beaten(child, number, at)
            case Tick(due):
                self.tick(due)
            case Stop(is_urgent):
                self.is_urgent = self.is_urgent or is_urgent
                self.stop_all()
                self.hurry(is_urgent=is_urgent)
            case _:
                self.call(event)
        self.go_on()
        assert not self.delays, "the core restarts somebody that should not be"

    def tell(self, name, story=None, **facts):
        if story is not None:
            facts |= {"child": story.spec.id, "incarnation": story.number}
        self.told.append({"name": name, **dict(sorted(facts.items()))})

    def switch(self, mode):
        self.mode, self.since = mode, self.now

    def enter(self, story, phase, due=math.inf):
        story.phase, story.since, story.due = phase, self.now, due

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
        if not self.is_ready:
            self.tell("supervisor_ready")
        self.is_ready = True

    def stop_next(self):
        up = [story for story in self.stories.values() if story.phase in UP]
        if not up:
            self.switch("stopped")
            if self.spec.is_dynamic:
                self.tell("children_stopped", ends=dict(self.ends))
            self.tell("supervisor_stopped")
        else:
            self.ask(up[-1], StopCause.SHUTDOWN)

    def stop_all(self):
        if self.mode in ("stopping", "stopped"):
            return
        self.switch("stopping")
        self.line = []
        self.tell("supervisor_stopping")
        for story in self.stories.values():
            if story.phase in ("waiting", "backoff", "parked"):
                self.enter(story, "stopped")
            elif story.phase in UP and self.spec.is_dynamic:
                self.ask(story, StopCause.SHUTDOWN)

    def hurry(self, *, is_urgent):
        for story in self.stories.values():
            if is_urgent and story.phase == "stopping":
                self.cancel(story)

    # One child, up.

    def start(self, story):
        story.number, story.ready_at = story.number + 1, None
        self.enter(story, "starting", self.now + story.spec.start_timeout)
        self.tell("child_starting", story, is_requested=story.starter is not None)

    def readied(self, child, number):
        story = self.living(child, number)
        if not story:
            self.tell_stale(child, number)
        elif story.phase == "starting":
            by_hand = story.starter is not None
            self.tell("child_ready", story, after=self.now - story.since, is_requested=by_hand)
            self.enter(story, "ready")
            story.ready_at = story.beat_at = self.now
            story.wait_for_trouble()
            self.reply(story.starter, "Done")
            story.starter, story.is_new = None, False

    def tell_stale(self, child, number):
        self.stale += 1
        self.tell("stale_notice", child=child, incarnation=number)

    def beaten(self, child, number, at):
        story = self.living(child, number)
        if story:
            story.beat_at = max(story.beat_at, at)
            if story.phase == "ready":
                story.wait_for_trouble()

    def ask(self, story, cause):
        if story.phase == "stopping":
            return
        may_drain = story.spec.drain > 0 and story.phase == "ready"
        self.enter(story, "stopping", self.now + story.spec.drain)
        story.asked, story.is_cancelled = cause, False
        if not may_drain or cause in NO_TIME_TO_DRAIN or self.is_urgent:
            self.cancel(story)
        else:
            self.tell("child_stopping", story, stage=Stage.ASK, cause=cause)

    def cancel(self, story):
        grace = 0.0 if self.is_urgent else story.spec.grace
        until = self.now + max(grace, GRACE_AT_LEAST)
        story.due = min(story.due, until) if story.is_cancelled else until
        if not story.is_cancelled:
            self.tell("child_stopping", story, stage=Stage.CANCEL, cause=story.asked)
        story.is_cancelled = True

    def tick(self, due):
        expected = min((self.stories[c].due for c in due if c in self.stories), default=math.inf)
        if self.now - expected > TOLERANCE:
            late_by = self.now - expected
            self.tell("loop_stalled", late_by=late_by, task=None, stack="")
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
            self.check_on(story)
        elif story.phase == "stopping" and not story.is_cancelled:
            self.cancel(story)
        elif story.phase == "stopping":
            self.abandon(story)
        else:
            self.start(story)

    def check_on(self, story):
        beat = story.spec.heartbeat_timeout
        if beat is not None and story.beat_at + beat <= self.now:
            self.tell("child_stalled", story, silent_for=self.now - story.beat_at)
            self.ask(story, StopCause.STALLED)
        else:
            self.tell("child_unparked", story)
            story.forget_crashes()
            story.wait_for_trouble()

    # One child, at its end.

    def ended(self, child, number, ending):
        story = self.stories.get(child)
        if story and number in story.zombies:
            self.tell("zombie_ended", child=child, incarnation=number)
            story.zombies.discard(number)
            if story.phase == "zombie" and not story.zombies:
                self.down(story, "stopped")
        elif self.living(child, number):
            self.leave(story, outcome_of(story, ending), ending)
        else:
            self.tell_stale(child, number)

    def abandon(self, story):
        self.tell("child_abandoned", story, cause=story.asked)
        story.zombies.add(story.number)
        self.leave(story, outcome_of(story, None), None)
        if story.phase not in ("backoff", "parked"):
            self.enter(story, "zombie")

    def leave(self, story, outcome, ending):
        ran_for = story.healthy_for(self.now)
        facts = {"outcome": outcome, "ran_for": ran_for, "restart": story.spec.restart}
        self.tell("child_exited", story, **facts)
        if outcome == "Stopped" and isinstance(ending, Raised):
            self.tell("cleanup_failed", story, failure=ending.failure)
        if ran_for >= story.spec.backoff.healthy_after:
            story.forget_crashes()
        answer = {"Stopped": "interrupted", "Ignored": "Done"}.get(outcome, "NotStarted")
        self.reply(story.starter, answer)
        for ticket in story.stoppers:
            self.reply(ticket, "Done")
        was_started_by_hand, was_new, asked = story.starter is not None, story.is_new, story.asked
        self.enter(story, "stopped")
        story.ready_at, story.asked = None, None
        story.starter, story.is_new, story.stoppers = None, False, []
        if self.mode == "stopping":
            self.count(outcome, ending)
        elif was_started_by_hand and outcome in (*NOT_STARTED, "Fatal"):
            self.undo_start(story, was_new=was_new)
        elif outcome == "Fatal":
            self.refuse(story)
        elif asked is StopCause.TERMINATED:
            self.down(story, "stopped")
        elif self.is_first_start(story) and outcome in NOT_STARTED:
            self.give_up("start", story)
        else:
            self.meet_fate(story, outcome)

    def count(self, outcome, ending):
        error = error_of(outcome, ending)
        way = "Abandoned" if ending is None else outcome
        way = f"{way} {error}" if error else way
        self.ends[way] = self.ends.get(way, 0) + 1

    def is_first_start(self, story):
        return story.number == 1 and not self.is_ready and not story.spec.lenient_start

    def undo_start(self, story, *, was_new):
        if was_new:
            self.forget(story)
        elif story.on_trial and not (story.spec.exclusive and story.zombies):
            self.park(story)
        else:
            self.down(story, "stopped")

    def refuse(self, story):
        if story.spec.on_exhausted is OnExhausted.PARK:
            self.park(story, for_good=True)
        else:
            self.give_up("fatal", story)

    def meet_fate(self, story, outcome):
        if story.comes_back(outcome):
            self.restart(story)
            return
        self.down(story, "done")
        if story.spec.significant and outcome != "Ignored":
            self.consider_shutdown(story)

    def consider_shutdown(self, story):
        staying = [
            each
            for each in self.stories.values()
            if each.spec.significant and each.phase in (*UP, "waiting", "backoff", "parked")
        ]
        if self.spec.auto_shutdown == "any_significant" or not staying:
            self.tell("significant_child_left", story)
            self.stop_all()

    def restart(self, story):
        policy = story.spec.on_exhausted
        if story.spec.exclusive and story.zombies:
            self.give_up("zombie", story)
        elif self.budget(story) != 0:
            if policy is OnExhausted.ESCALATE:
                self.window.append(self.now)
            self.back_off(story)
        elif policy is OnExhausted.PARK:
            self.park(story)
        else:
            self.tell("restart_refused", story, reason="restart intensity exceeded")
            self.give_up("intensity", story)

    def budget(self, story):
        if story.spec.on_exhausted is OnExhausted.NEVER:
            return None
        if story.spec.on_exhausted is OnExhausted.PARK:
            return 0 if story.on_trial else max(0, self.spec.intensity - story.restarts)
        recent = [at for at in self.window if at >= self.now - self.spec.period]
        return self.spec.intensity - len(recent)

    def back_off(self, story):
        delay, attempt = self.delays.pop(story.spec.id), story.restarts
        story.restarts += 1
        story.restarts_ever += 1
        self.restarts += 1
        left = self.budget(story)
        facts = {"delay": delay, "attempt": attempt, "budget_left": left}
        self.tell("restart_scheduled", story, **facts)
        self.enter(story, "backoff", self.now + delay)
        self.leave_line(story)

    def park(self, story, *, for_good=False):
        cooldown = story.spec.cooldown * 2 ** min(story.trips, DOUBLINGS)
        self.tell("child_parked", story, cooldown=None if for_good else cooldown)
        self.enter(story, "parked", math.inf if for_good else self.now + cooldown)
        story.trips, story.on_trial = story.trips + 1, True
        self.leave_line(story)

    def give_up(self, grounds, story):
        self.gave_up = grounds
        self.tell("escalated", story, reason=grounds)
        self.stop_all()

    def down(self, story, phase):
        if story.is_temporary or self.spec.is_dynamic:
            self.forget(story)
        else:
            self.enter(story, phase)

    def forget(self, story):
        self.leave_line(story)
        if story.zombies:
            self.enter(story, "zombie")
        else:
            self.paused.discard(story.spec.id)
            del self.stories[story.spec.id]

    def leave_line(self, story):
        self.line = [child for child in self.line if child != story.spec.id]
