"""What operators ask of the naive supervisor."""

from supervision._core._messages import (
    DeleteChild,
    PauseChild,
    ResetChild,
    RestartChild,
    StartChild,
    TerminateChild,
)
from supervision._outcome import StopCause
from tests.unit.supervision.naive_story import Story

UP = ("starting", "ready", "stopping")


class NaiveCalls:
    """The half of the model that answers: each ticket once."""

    def reply(self, ticket, answer):
        if ticket is not None:
            self.replies.setdefault(ticket, []).append(answer)

    def call(self, request):
        child = request.spec.id if isinstance(request, StartChild) else request.child
        story = self.stories.get(child)
        if isinstance(request, TerminateChild):
            self.terminate(story, request.ticket)
        elif isinstance(request, PauseChild):
            self.pause(story, request)
        elif isinstance(request, ResetChild):
            self.reset(story, request.ticket)
        elif self.mode in ("stopping", "stopped"):
            self.reply(request.ticket, "stopping")
        elif isinstance(request, StartChild):
            self.add(story, request)
        else:
            self.start_or_delete(story, request)

    def pause(self, story, request):
        if story is None:
            self.reply(request.ticket, "not_found")
            return
        self.reply(request.ticket, "Done")
        if request.is_paused is not (request.child in self.paused):
            self.paused ^= {request.child}
            self.tell("child_paused" if request.is_paused else "child_resumed", story)

    def reset(self, story, ticket):
        if story is None:
            self.reply(ticket, "not_found")
            return
        self.reply(ticket, "Done")
        story.forget_crashes()
        if story.phase == "ready":
            story.wait_for_trouble()

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
            story = Story(request.spec, self.now, starter=request.ticket, is_new=True)
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
