"""Worker processes: what a crash, a hang, a flood or a stop costs.

What is called comes from the standard library, so that a worker can import it.
"""

import math
import operator
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import trio
import trio.testing

from hsid.media import child
from hsid.media.workers import WorkerCallError, WorkerStartError, environment_of
from hsid.model import RefusalReason
from hsid.refusal import RefusedError


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def wait_gone(pid: int) -> None:
    with trio.fail_after(10):
        while exists(pid):
            await trio.sleep(0.01)


async def refusal(pool, function, *arguments) -> RefusalReason:
    with pytest.raises(RefusedError) as refused:
        await pool.run(function, *arguments)
    return refused.value.reason


async def test_a_result_comes_back(open_pool):
    """The call is made elsewhere and returns here."""
    pool = open_pool()
    assert await pool.run(divmod, 17, 5) == (3, 2)
    assert await pool.run(os.getpid) != os.getpid()


async def test_an_exception_comes_back_in_words(open_pool):
    """What the function raises is told here, and costs no worker."""
    pool = open_pool()
    before = await pool.run(os.getpid)
    with pytest.raises(WorkerCallError, match=r"^ValueError\(.*spam"):
        await pool.run(int, "spam")
    assert await pool.run(os.getpid) == before


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("class Odd(Exception):\n def __reduce__(self): raise self\nraise Odd('spam')", "spam"),
        ("class Mute(Exception):\n def __repr__(self): raise self\nraise Mute", "Mute"),
        ("import decimal; decimal.Decimal('x')", "InvalidOperation"),
    ],
)
async def test_an_exception_that_cannot_travel_costs_no_worker(open_pool, code, told):
    """Whatever a library raises is no crash, and refuses nothing."""
    pool = open_pool()
    before = await pool.run(os.getpid)
    with pytest.raises(WorkerCallError, match=told):
        await pool.run(exec, code)
    assert await pool.run(os.getpid) == before


async def test_a_result_that_cannot_travel_costs_no_worker(open_pool):
    """It is a failed call like any other."""
    with pytest.raises(WorkerCallError, match="pickle"):
        await open_pool().run(open, os.devnull)


async def test_a_refusal_comes_back_as_itself(open_pool):
    """Reason and detail cross the border, a sub-class does not have to."""
    code = "from hsid.intake.errors import VanishedError; raise VanishedError('gone')"
    with pytest.raises(RefusedError, match="gone") as refused:
        await open_pool().run(exec, code)
    assert refused.value.reason is RefusalReason.VANISHED


async def test_a_worker_knows_no_secret(open_pool, monkeypatch):
    """It decodes what strangers send; settings and passwords are not in its reach."""
    names = "HSID_X SMTP_PASSWORD api_keys RTDETR_API_KEY DEFAULT_WEBHOOK_URL PGPASSWORD"
    for name in names.split():
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("PROXY", "http://u:hunter2@h")
    monkeypatch.setenv("LANG", "C.UTF-8")
    environment = await open_pool().run(subprocess.check_output, ["env"])
    assert b"hunter2" not in environment
    assert b"LANG=C.UTF-8" in environment


def test_a_worker_keeps_what_its_libraries_need():
    """Paths, the language and the limits of thread pools go along."""
    needed = dict.fromkeys(("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR"), "x")
    needed |= {"PYTHONPATH": "x", "OPENBLAS_CORETYPE": "x"}
    assert needed.items() <= environment_of(needed | {"SECRET": "x"}).items()
    assert "SECRET" not in environment_of({"SECRET": "x"})


async def test_megabytes_cross_the_pipe_both_ways(open_pool):
    """Requests and answers far beyond a pipe's buffer arrive whole."""
    content = os.urandom(1 << 20) * 8
    assert await open_pool().run(bytes, content) == content


async def test_calls_run_side_by_side_up_to_the_limit(open_pool):
    """Two processes serve four calls, and never a third."""
    pool, pids = open_pool(2), []

    async def call():
        pids.append(await pool.run(os.getpid))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(call)
    assert len(pids) == 4
    assert len(set(pids)) <= 2


@pytest.mark.parametrize("call", [(os.abort,), (os._exit, 0), (os._exit, 3)])
async def test_a_call_that_ends_its_workers_is_refused(open_pool, call):
    """A crash is the picture's fault once it has happened twice."""
    assert await refusal(open_pool(), *call) is RefusalReason.DECODER_CRASHED


async def test_a_crash_costs_one_retry(open_pool, tmp_path):
    """The call is made exactly twice before it is given up."""
    script = f"echo x >> {tmp_path}/tries; kill -9 $PPID"
    reason = await refusal(open_pool(), subprocess.call, ["sh", "-c", script])
    assert reason is RefusalReason.DECODER_CRASHED
    assert (tmp_path / "tries").read_text() == "x\n" * 2


async def test_a_worker_killed_once_costs_nothing(open_pool, tmp_path):
    """A stray SIGKILL in mid-call is made good by the retry."""
    script = f"test -e {tmp_path}/seen || {{ touch {tmp_path}/seen; kill -9 $PPID; sleep 9; }}"
    assert await open_pool().run(subprocess.call, ["sh", "-c", script]) == 0


async def test_the_pool_works_on_after_a_crash(open_pool):
    """One upload is lost, the next is not."""
    pool = open_pool()
    await refusal(pool, os.abort)
    assert await pool.run(abs, -1) == 1


async def test_a_call_that_takes_too_long_is_refused(open_pool):
    """Both workers are killed at the limit."""
    pool = open_pool(call_seconds=0.2)
    await pool.run(abs, -1)
    assert await refusal(pool, time.sleep, 60) is RefusalReason.DECODER_TIMED_OUT
    assert await pool.run(abs, -1) == 1


async def test_a_call_that_takes_too_much_memory_is_refused(open_pool):
    """The limit holds in the worker, and the next call has a whole limit again."""
    pool = open_pool(memory_bytes=128 << 20)
    assert await refusal(pool, operator.mul, b"x", 1 << 30) is RefusalReason.OUT_OF_MEMORY
    assert len(await pool.run(operator.mul, b"x", 1 << 20)) == 1 << 20


async def test_cancellation_kills_the_worker(open_pool):
    """A cancelled call leaves no process behind."""
    pool = open_pool()
    pid = await pool.run(os.getpid)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run, time.sleep, 60)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert not exists(pid)
    assert await pool.run(os.getpid) != pid


async def test_an_idle_worker_ends_by_itself(open_pool):
    """It is gone, its status collected, without anybody asking; the next call gets a new one."""
    pool = open_pool(idle_seconds=0.1)
    pid = await pool.run(os.getpid)
    await wait_gone(pid)
    assert await pool.run(os.getpid) != pid


async def test_closing_ends_the_workers(open_pool):
    """None outlives its pool, be it idle or in a call."""
    pool = open_pool(2)
    pid = await pool.run(os.getpid)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pool.run, time.sleep, 0.2)
        await trio.testing.wait_all_tasks_blocked()
        await pool.aclose()
    assert not exists(pid)


async def test_what_a_worker_prints_goes_nowhere(open_pool, capfd):
    """Neither the answers nor the daemon's own output are disturbed."""
    pool = open_pool()
    for descriptor in (1, 2):
        assert await pool.run(os.write, descriptor, b"noise") == 5
    assert await pool.run(os.read, 0, 1) == b""
    assert capfd.readouterr() == ("", "")


async def test_a_service_wide_stop_leaves_calls_to_finish(open_pool):
    """SIGTERM to a worker is ignored: the daemon decides."""
    pool = open_pool()
    pid = await pool.run(os.getpid)
    os.kill(pid, signal.SIGTERM)
    assert await pool.run(os.getpid) == pid


async def test_a_machine_that_starts_no_process_is_not_the_pictures_fault(open_pool, monkeypatch):
    """A missing interpreter is no refusal."""
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(WorkerStartError):
        await open_pool().run(abs, -1)


def run_daemon(body: str, **options) -> subprocess.Popen:
    """Start a program that uses a pool, in a process group of its own."""
    program = textwrap.dedent(
        """
        import os, signal, time, trio
        from hsid.media.workers import WorkerLimits, WorkerPool
        async def main():
            pool = WorkerPool(WorkerLimits(1))
            print(await pool.run(os.getpid), flush=True)
        BODY
        trio.run(main)
        """
    ).replace("BODY", textwrap.indent(textwrap.dedent(body), "    "))
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True, text=True
    )


async def test_a_ctrl_c_leaves_workers_and_answers_alone():
    """After a SIGINT to the group, each answer still belongs to its question."""
    body = """
        with trio.open_signal_receiver(signal.SIGINT) as signals:
            os.killpg(0, signal.SIGINT)
            async for _ in signals:
                break
        print([await pool.run(abs, -n) for n in range(5)], await pool.run(os.getpid))
        await pool.aclose()
        """
    with run_daemon(body) as daemon:
        out, _ = await trio.to_thread.run_sync(daemon.communicate)
    pid, answers = out.splitlines()
    assert answers == f"[0, 1, 2, 3, 4] {pid}"


@pytest.mark.parametrize("asked", ["await trio.sleep_forever()", "await pool.run(time.sleep, 0.5)"])
async def test_a_killed_daemon_takes_its_workers_along(asked):
    """A worker sees the pipe close, at once or when its call is done."""
    with run_daemon(asked) as daemon:
        pid = int(await trio.to_thread.run_sync(daemon.stdout.readline))
        daemon.kill()
    await wait_gone(pid)


def test_a_call_without_a_daemon_is_ended_by_the_kernel():
    """Even code that never returns to Python dies at the worker's own limit."""
    request = pickle.dumps((time.sleep, (60,)))
    command = [sys.executable, "-m", child.__name__, str(1 << 30), "60", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as orphan:
        orphan.stdin.write(child.LENGTH.pack(len(request)) + request)
        orphan.stdin.close()
        assert orphan.wait(10) == -signal.SIGALRM


def test_a_worker_loads_nothing_heavy_by_itself():
    """Starting one is cheap: neither trio nor a picture library comes along."""
    code = "import sys, hsid.media.child; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"trio", "anyio", "numpy", "PIL", "onnxruntime", "sqlalchemy"} & set(loaded)


def test_the_default_is_a_process_for_each_usable_processor():
    """Limits made without a number use the machine as far as it may be used."""
    from hsid.media.workers import WorkerLimits  # noqa: PLC0415 -- used here alone

    assert WorkerLimits().processes == len(os.sched_getaffinity(0))
    assert math.isfinite(WorkerLimits().call_seconds)
