"""Background jobs: one of a kind, watched, stopped, and their faults told."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from dashboard.data.background_jobs import Jobs, killed_words, parse
from dashboard.panels.job_progress import describe, finished_something, left
from tests.conftest import PROJECT

TALK = """import json, sys
for i in range(3):
    print(json.dumps({"task": "fit", "done": i + 1, "total": 4, "eta_s": 9}), file=sys.stderr, flush=True)
"""


def run(jobs: Jobs, script: str, key: str = "job"):
    return jobs.start(key, "A job", command=(sys.executable, "-c", script))


def comes(true) -> bool:
    """Whether it comes to be so: what a thread of the jobs does, a busy machine does late."""
    for _ in range(1200):
        if true():
            return True
        threading.Event().wait(0.05)
    return False


def finished(job) -> None:
    """It has ended, and all it said is heard: the thread that hears it closes its stream."""
    job.process.wait(60)
    assert comes(lambda: job.process.stderr.closed)


def test_progress_is_read_while_other_lines_are_kept_apart():
    job = run(Jobs(), TALK + "print('a warning', file=sys.stderr)")
    finished(job)
    assert job.done and not job.running
    assert job.share == pytest.approx(0.75)
    assert list(job.lines) == ["a warning"]


def test_a_second_start_joins_the_running_job_and_a_later_one_is_new():
    jobs = Jobs()
    first = run(jobs, "import threading; threading.Event().wait(30)")
    assert run(jobs, "print(1)") is first
    assert jobs.running() == [first]
    first.stop()
    first.process.wait(60)
    assert first.stopped and not first.done
    assert run(jobs, "print(1)") is not first


def test_a_failed_job_tells_its_own_error_line():
    job = run(Jobs(), "import sys; sys.stderr.write('noise\\nerror: x.csv: empty; expected frames\\n'); sys.exit(1)")
    finished(job)
    assert not job.done and not job.stopped
    assert job.fault == "x.csv: empty; expected frames"


def test_a_job_that_dies_silently_gives_its_exit_code():
    job = run(Jobs(), "import os; os._exit(3)")
    finished(job)
    assert job.fault == "It ended with an error and said nothing (exit code 3)."


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_job_that_is_killed_says_so_in_plain_words_whatever_it_said_before():
    code = "import os, sys; print('a warning', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
    job = run(Jobs(), code)
    finished(job)
    assert job.fault.startswith("The system ended it, most likely because memory ran out.") and "is kept" in job.fault
    assert killed_words(137) == killed_words(-9) and "segmentation" in killed_words(-11)
    assert killed_words(0) == killed_words(1) == killed_words(2) == "" and "asked it to end" in killed_words(-15)


def test_an_ended_job_is_forgotten_and_a_running_one_is_not():
    jobs = Jobs()
    job = run(jobs, "import threading; threading.Event().wait(30)")
    jobs.forget("job")
    assert jobs.get("job") is job
    job.stop()
    job.process.wait(60)
    jobs.forget("job")
    assert jobs.get("job") is None


def test_dfe_itself_speaks_in_a_way_that_is_understood(cache):
    job = Jobs().start("bad", "Encoding", "encode", "nothing", "nowhere")
    finished(job)
    assert job.process.returncode == 1
    assert "nothing" in job.fault or "nowhere" in job.fault


@pytest.mark.parametrize("line", ["", "[1]", "{", '{"x": 1}', "text {"])
def test_what_is_no_report_is_not_taken_for_one(line):
    assert parse(line) is None


def test_a_report_reads_as_a_sentence():
    report = {"task": "training", "detail": "step 5", "figures": {"rmse_mm": 0.51239, "note": "x"}, "eta_s": 200}
    assert describe(report) == "Training · step 5 · rmse mm 0.512"
    assert describe({}) == "Starting"


def test_a_cancelled_job_has_finished_something_once_it_is_past_its_beginning():
    assert not any(map(finished_something, ({}, {"task": "encoding", "done": 0, "total": 80, "overall": 0.0})))
    assert finished_something({"task": "encoding", "done": 3, "total": 80})


def test_time_left_is_said_in_seconds_then_minutes():
    job = run(Jobs(), TALK)
    finished(job)
    assert "9 s" in left(job)
    job.report["eta_s"] = 200
    assert "3 min" in left(job)


def test_more_jobs_than_there_is_room_for_wait_for_their_turn(monkeypatch):
    monkeypatch.setattr("dashboard.data.background_jobs.free_bytes", lambda: 9e9)
    jobs = Jobs(limit=2)
    made = [run(jobs, "input()", f"job{i}") for i in range(5)]
    assert [jobs.place(job) for job in made] == [0, 0, 1, 2, 3] and all(job.running for job in made)
    assert run(jobs, "print(1)", "job4") is made[4]
    made[2].stop()
    assert not made[2].running and made[2].stopped and jobs.place(made[3]) == 1
    made[0].process.stdin.write("\n")
    made[0].process.stdin.flush()
    assert comes(lambda: made[3].process is not None)
    assert jobs.place(made[4]) == 1 and made[3].running
    jobs.stop_all(wait_s=60)
    assert not any(job.running for job in made) and made[4].process is None


def test_what_a_person_waits_for_comes_before_what_the_server_does_by_itself():
    jobs, command = Jobs(limit=1), (sys.executable, "-c", "input()")
    running, own, asked = (
        jobs.start(key, "A job", command=command, person=person) for key, person in (("a", ""), ("b", ""), ("c", "ana"))
    )
    assert [running.waiting, jobs.place(own), jobs.place(asked)] == [False, 2, 1]
    running.process.stdin.close()
    finished(running)
    assert comes(lambda: not asked.waiting) and own.waiting
    jobs.stop_all(60)


def test_a_second_job_waits_for_memory(monkeypatch):
    monkeypatch.setattr("dashboard.data.background_jobs.free_bytes", lambda: 1e9)
    jobs = Jobs(limit=9)
    first, second = run(jobs, "input()", "a"), run(jobs, "input()", "b")
    assert not first.waiting and second.waiting
    monkeypatch.setattr("dashboard.data.background_jobs.free_bytes", lambda: 9e9)
    assert jobs.get("b") is second and not second.waiting
    jobs.stop_all(wait_s=60)


KILLED = """import sys, time
from dashboard.data.background_jobs import Jobs
job = Jobs().start("sim", "Simulate", "simulate", "--name", "endless", "--subjects", "5000")
print(job.process.pid, flush=True)
sys.stdin.read()
"""


def test_a_job_does_not_outlive_a_killed_server(cache):
    server = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )
    number = int(server.stdout.readline())
    threading.Event().wait(2.0)
    server.kill()
    server.wait()
    for _ in range(900):
        if not os.path.exists(f"/proc/{number}") or "Z" in open(f"/proc/{number}/stat").read().split()[2]:
            return
        threading.Event().wait(0.1)
    os.kill(number, 9)
    pytest.fail("the job is still running")
