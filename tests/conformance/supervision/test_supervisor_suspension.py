"""A process that is stopped and continued is none the worse: nobody counts as silent for it.

A daemon whose actors must beat every minute, stopped for a minute, is this one in a hundredth of
the time: what matters is the ratio of the pause to the time within which to beat.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

HEARTBEAT = 0.6
PROGRAM = """
import sys
import trio
from supervision import ChildSpec, LoopMonitor, LoopStalled, Supervisor
from supervision.testing import EventRecorder

async def beats(ctx):
    ctx.ready()
    await ctx.sleep(60)

async def main(heartbeat):
    recorder = EventRecorder()
    root = Supervisor("root", sink=recorder, loop_monitor=LoopMonitor(limit=heartbeat / 60))
    async with trio.open_nursery() as nursery:
        await nursery.start(root.run)
        for number in range(60):
            await root.start_child(ChildSpec(f"a{number}", beats, heartbeat_timeout=heartbeat))
            await trio.sleep(heartbeat / 120)
        print("ready", flush=True)
        await trio.to_thread.run_sync(sys.stdin.readline)
        await trio.sleep(2 * heartbeat)
        stalls = [event for event in recorder.events if isinstance(event, LoopStalled)]
        print(max(node.incarnation for node in root.tree().walk()), len(stalls), flush=True)
        root.stop(urgent=True)

trio.run(main, float(sys.argv[1]))
"""


@pytest.mark.parametrize("pause", [0.75, 1.25, 3.0])
def test_a_suspension_of_any_length_restarts_nobody(pause):
    """Whatever part of its time a child had left, and all at once; it is told, nobody is blamed."""
    command = [sys.executable, "-c", PROGRAM, str(HEARTBEAT)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(pause * HEARTBEAT)
        os.kill(process.pid, signal.SIGCONT)
        output, _ = process.communicate("go on\n", timeout=30)

    incarnation, stalls = map(int, output.split())
    assert incarnation == 1
    assert stalls >= 1
