"""How far uploads are: on a terminal, in a log, and in Terraform's lines."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from reconciler.apply.events import (
    Event,
    Failed,
    UploadDone,
    UploadProgress,
    UploadStarted,
)
from reconciler.cli.progress import LogProgress, open_progress
from reconciler.cli.reporter import JsonReporter
from reconciler.cli.terminal import Terminal
from reconciler.diagnostics.codes import apply as codes
from reconciler.model import WEIGHTS_FILE, Action, Address
from reconciler.render.style import Style
from reconciler.render.transfer_bars import BarRenderer
from reconciler.render.transfers import (
    File,
    Speed,
    Standing,
    Throttle,
    Transfers,
    progress_line,
)
from tests.adapters.support import MISTRAL, edit, pair, put_weights, ready
from tests.cli.screen import Screen
from tests.faults.server import ACCOUNT_ID, Exchange, FaultServer, envelope_error, http_answer

BOT, HELPER = Address("bot"), Address("helper")
WEIGHTS = (BOT, WEIGHTS_FILE)
MB = 1_000_000


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def started(size: int = 290 * MB) -> UploadStarted:
    return UploadStarted(BOT, WEIGHTS_FILE, size)


def sent(number: int) -> UploadProgress:
    return UploadProgress(BOT, WEIGHTS_FILE, number)


# The throttle


def test_throttle_lets_the_first_through(clock: Clock) -> None:
    assert Throttle(5, clock).is_due("a")


def test_throttle_holds_back_until_the_time_is_over(clock: Clock) -> None:
    throttle = Throttle(5, clock)
    throttle.begin("a")
    clock.now += 4.9
    assert not throttle.is_due("a")
    clock.now += 0.1
    assert throttle.is_due("a")
    assert not throttle.is_due("a")


def test_throttle_keeps_keys_apart(clock: Clock) -> None:
    throttle = Throttle(5, clock)
    assert throttle.is_due("a")
    assert throttle.is_due("b")


def test_throttle_lets_thousands_of_blocks_through_once(clock: Clock) -> None:
    throttle = Throttle(5, clock)
    passed = 0
    for _ in range(10_000):
        clock.now += 0.001
        passed += throttle.is_due("a")
    assert passed == 2


# Speed


def test_speed_is_unknown_in_the_first_half_second(clock: Clock) -> None:
    speed = Speed()
    speed.note(0.0, 0)
    assert speed.rate(0.4, MB) is None


def test_speed_is_that_of_the_last_ten_seconds() -> None:
    speed = Speed()
    for second in range(21):
        speed.note(float(second), second * MB)
    assert speed.rate(20.0, 20 * MB) == pytest.approx(MB)
    for second in range(21, 35):
        speed.note(float(second), 20 * MB + (second - 20) * 10 * MB)
    assert speed.rate(34.0, 160 * MB) == pytest.approx(10 * MB)


def test_speed_of_a_line_that_stands_still_sinks_to_nothing() -> None:
    speed = Speed()
    for second in range(5):
        speed.note(float(second), second * MB)
    assert speed.rate(8.0, 4 * MB) == pytest.approx(MB / 2)
    assert speed.rate(60.0, 4 * MB) == 0


def test_speed_begins_anew_when_a_file_is_sent_again() -> None:
    speed = Speed()
    speed.note(0.0, 0)
    speed.note(10.0, 100 * MB)
    speed.note(11.0, 0)
    assert speed.rate(12.0, MB) == pytest.approx(MB)


# Following the uploads


def test_an_upload_under_way_has_bytes_speed_and_time_left(clock: Clock) -> None:
    uploads = Transfers({WEIGHTS: 290 * MB}, clock)
    uploads.take(started())
    clock.now += 10
    uploads.take(sent(100 * MB))
    standing = uploads.standing(WEIGHTS)
    assert standing == Standing(100 * MB, 290 * MB, 10 * MB)
    assert standing.percent == 34
    assert standing.seconds_left == pytest.approx(19)


def test_the_whole_counts_what_has_not_begun(clock: Clock) -> None:
    uploads = Transfers({WEIGHTS: 290 * MB, (HELPER, WEIGHTS_FILE): 10 * MB}, clock)
    uploads.take(started())
    uploads.take(sent(30 * MB))
    assert (uploads.whole.sent, uploads.whole.size) == (30 * MB, 300 * MB)
    assert uploads.counted == (0, 2)


def test_a_finished_upload_counts_whole_and_is_no_longer_under_way(clock: Clock) -> None:
    uploads = Transfers({WEIGHTS: 290 * MB}, clock)
    uploads.take(started())
    uploads.take(UploadDone(BOT, WEIGHTS_FILE, 1.0))
    assert uploads.under_way == ()
    assert uploads.whole.percent == 100
    assert uploads.counted == (1, 1)


@pytest.mark.parametrize("action", [Action.CREATE, Action.UPLOAD])
def test_what_failed_is_left_out_of_the_whole(clock: Clock, action: Action) -> None:
    uploads = Transfers({WEIGHTS: 290 * MB, (HELPER, WEIGHTS_FILE): 10 * MB}, clock)
    uploads.take(started())
    uploads.take(Failed(BOT, action, codes.ADAPTER_INCOMPLETE.error("Gone.")))
    assert uploads.under_way == ()
    assert uploads.whole.size == 10 * MB


def test_percent_is_a_hundred_only_when_all_is_sent() -> None:
    assert Standing(999, 1000, None).percent == 99
    assert Standing(1000, 1000, None).percent == 100


# A log


def test_log_line_says_bytes_percent_speed_and_time_left() -> None:
    standing = Standing(120 * MB, 290 * MB, 12_300_000)
    assert progress_line(WEIGHTS, standing) == (
        "finetune.bot: adapter_model.safetensors 120.0 MB of 290.0 MB (41%), 12.3 MB/s, 14 s left"
    )


@pytest.mark.parametrize(
    ("rate", "left"),
    [(1 * MB, "4 min 50 s left"), (50_000, "1 h 36 min left"), (290 * MB, "1 s left")],
)
def test_log_line_writes_long_times_in_larger_units(rate: int, left: str) -> None:
    assert progress_line(WEIGHTS, Standing(0, 290 * MB, rate)).endswith(left)


def test_log_line_leaves_out_what_is_not_known() -> None:
    line = progress_line(WEIGHTS, Standing(0, 290 * MB, None))
    assert line == "finetune.bot: adapter_model.safetensors 0 B of 290.0 MB (0%)"


def test_log_has_a_line_every_five_seconds_at_most(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = LogProgress(Terminal(), {WEIGHTS: 290 * MB}, clock)
    progress.take(started())
    for block in range(1, 1160):
        clock.now += 0.0125
        progress.take(sent(block * 250_000))
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" (")[0] for line in lines] == [
        "finetune.bot: adapter_model.safetensors 100.0 MB of 290.0 MB",
        "finetune.bot: adapter_model.safetensors 200.0 MB of 290.0 MB",
    ]


# Terraform's lines


def report_as_json(clock: Clock, events: list[tuple[float, Event]]) -> None:
    reporter = JsonReporter(Terminal(), clock)
    with reporter:
        for seconds, event in events:
            clock.now += seconds
            reporter.event(event)


def test_json_progress_is_terraforms_line_with_the_elapsed_seconds(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    report_as_json(clock, [(0, started()), (10.4, sent(120 * MB))])
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert line["type"] == "apply_progress"
    assert line["@message"] == (
        "finetune.bot: Still uploading adapter_model.safetensors (120.0 MB of 290.0 MB)... "
        "[10s elapsed]"
    )
    assert line["hook"]["action"] == "update"
    assert line["hook"]["elapsed_seconds"] == 10
    assert line["hook"]["resource"]["addr"] == "finetune.bot"


def test_json_progress_comes_every_ten_seconds_at_most(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks: list[tuple[float, Event]] = [(0.0125, sent(n * 100_000)) for n in range(1, 2000)]
    report_as_json(clock, [(0, started()), *blocks])
    types = [json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()]
    assert types == ["version", "apply_start", "apply_progress", "apply_progress"]


# Bars


def busy(clock: Clock, names: int = 1) -> Transfers:
    files: list[File] = [
        (Address(f"a-bot-with-a-long-name-{n}"), WEIGHTS_FILE) for n in range(names)
    ]
    uploads = Transfers(dict.fromkeys(files, 290 * MB), clock)
    for address, name in files:
        uploads.take(UploadStarted(address, name, 290 * MB))
    clock.now += 10
    for address, name in files:
        uploads.take(UploadProgress(address, name, 120 * MB))
    return uploads


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_no_bar_is_wider_than_the_terminal(clock: Clock, encoding: str) -> None:
    out = stream(encoding)
    uploads = busy(clock, 2)
    for columns in (*range(20, 130), 200):
        lines = BarRenderer(out, Style()).draw(uploads, columns, 24)
        assert len(lines) == 3
        assert max(map(len, lines)) <= columns
        out.write("\n".join(lines))


def test_bars_show_bytes_speed_and_time_left_for_each_and_for_the_whole(clock: Clock) -> None:
    lines = BarRenderer(stream("utf-8"), Style()).draw(busy(clock, 2), 79, 24)
    each = r"finetune\.a-bot-with-a-l\.\.\.  ━+[╸╺]?\s+120\.0/290\.0 MB   12\.0 MB/s  0:14 left"
    assert re.fullmatch(each, lines[0].rstrip()), lines[0]
    whole = r"all uploads\s+━+[╸╺]?\s+240\.0/580\.0 MB   24\.0 MB/s  0:14 left"
    assert re.fullmatch(whole, lines[2].rstrip()), lines[2]


def test_bars_never_fill_more_than_the_screen(clock: Clock) -> None:
    lines = BarRenderer(stream("utf-8"), Style()).draw(busy(clock, 30), 80, 10)
    assert len(lines) <= 10
    assert lines[-2].strip() == "and 22 more"
    assert lines[-1].startswith("all uploads")


def test_bars_without_colour_have_no_escapes(clock: Clock) -> None:
    lines = BarRenderer(stream("utf-8"), Style(color=False)).draw(busy(clock), 80, 24)
    assert not any("\x1b" in line for line in lines)


def test_nothing_is_drawn_where_nothing_is_uploaded() -> None:
    assert isinstance(open_progress(Terminal(), {}), LogProgress)


# In a real terminal, against a server that waits


class SlowServer(FaultServer):
    """Takes a first piece of the weights of `bot` and then waits until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.answer = b""
        self.default = self._react

    def _react(self, exchange: Exchange) -> bool:
        is_upload = exchange.request.operation == "upload"
        large = int(exchange.request.headers.get("content-length", "0")) > MB
        if is_upload and large:
            exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            exchange.read_body(256 * 1024)
            self.released.wait(60)
        answer = exchange.execute()
        exchange.sock.sendall(self.answer if is_upload and large and self.answer else answer)
        return True


@pytest.fixture
def server() -> Iterator[SlowServer]:
    slow = SlowServer()
    with slow:
        yield slow
        slow.released.set()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two finetunes: one of 25 MB, which no socket's buffer holds, and a small one."""
    large = ready(tmp_path)
    large.rename(tmp_path / "bot")
    modules = [f"model.layers.{n}.self_attn.{m}_proj" for n in range(24) for m in "qv"]
    edit(tmp_path / "bot", r=16, target_modules=["q_proj", "v_proj"])
    tensors = {key: shape for m in modules for key, shape in pair(m, 16, 4096).items()}
    put_weights(tmp_path / "bot", tensors)
    ready(tmp_path).rename(tmp_path / "helper")
    (tmp_path / "finetunes.yaml").write_text(
        "version: 1\nfinetunes:\n"
        f'  bot: {{model: "{MISTRAL}", adapter: bot}}\n'
        f'  helper: {{model: "{MISTRAL}", adapter: helper}}\n'
    )
    return tmp_path


def environment(server: FaultServer, **more: str) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "CLOUDFLARE_API_BASE_URL": server.base_url,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
        "CLOUDFLARE_API_TOKEN": "token-of-the-test-0123456789",
        **more,
    }


class Session:
    """An apply in a terminal of 80 columns and 30 lines."""

    def __init__(self, project: Path, env: dict[str, str], *flags: str, columns: int = 80) -> None:
        arguments = ["-m", "reconciler", *flags, "apply", "--auto-approve"]
        self.transcript = io.StringIO()
        self.columns = columns
        self.child = pexpect.spawn(
            sys.executable,
            arguments,
            cwd=str(project),
            env=env,
            encoding="utf-8",
            timeout=60,
            dimensions=(30, columns),
            echo=False,
        )
        self.child.logfile_read = self.transcript

    @property
    def screen(self) -> Screen:
        whole_lines = self.transcript.getvalue().rpartition("\n")
        return Screen(self.columns).feed("".join(whole_lines[:2]))

    def wait_for(self, *texts: str) -> None:
        """Read on until the lines on the screen end with lines that begin with these texts."""
        while not self._ends_with(texts):
            self.child.expect("\n")

    def wait_for_line(self, text: str) -> None:
        """Read on until a line on the screen begins with this text."""
        while not any(line.startswith(text) for line in self.screen.shown):
            self.child.expect("\n")

    def _ends_with(self, texts: tuple[str, ...]) -> bool:
        last = self.screen.shown[-len(texts) :]
        return len(last) == len(texts) and all(map(str.startswith, last, texts))

    def end(self) -> int | None:
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


BARS = ("finetune.bot  ", "all uploads  ")


def bars(session: Session) -> list[str]:
    return [line for line in session.screen.shown if line.startswith(BARS)]


def test_bars_are_drawn_below_the_lines_and_erased_at_the_end(
    project: Path, server: SlowServer
) -> None:
    session = Session(project, environment(server))
    # Which of the two lines is the last depends on who is quicker.
    session.wait_for_line("finetune.helper: adapter_model.safetensors uploaded")
    session.wait_for(*BARS)
    server.released.set()
    assert session.end() == 0
    assert bars(session) == []
    assert session.screen.shown[-1] == "Apply complete. 2 created."
    assert session.screen.widest <= 80


def test_bars_are_as_narrow_as_the_terminal(project: Path, server: SlowServer) -> None:
    session = Session(project, environment(server), columns=40)
    session.wait_for(*BARS)
    server.released.set()
    assert session.end() == 0
    assert max(map(len, re.findall(r"all uploads.*", session.transcript.getvalue()))) <= 40


def test_an_interrupt_is_told_above_the_bars_and_the_screen_is_left_clean(
    project: Path, server: SlowServer
) -> None:
    session = Session(project, environment(server))
    session.wait_for(*BARS)
    session.child.sendintr()
    session.wait_for("SIGINT: finishing", *BARS)
    server.released.set()
    assert session.end() == 130
    assert bars(session) == []


def test_the_screen_is_left_clean_when_an_upload_fails(project: Path, server: SlowServer) -> None:
    server.answer = http_answer(400, envelope_error(5004, "invalid data"))
    session = Session(project, environment(server))
    session.wait_for(*BARS)
    server.released.set()
    assert session.end() == 1
    assert bars(session) == []
    assert any("5004" in line for line in session.screen.shown)


@pytest.mark.parametrize(("flags", "more"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})])
def test_bars_have_no_colour_where_none_is_wanted(
    project: Path, server: SlowServer, flags: list[str], more: dict[str, str]
) -> None:
    session = Session(project, environment(server, **more), *flags)
    session.wait_for(*BARS)
    server.released.set()
    assert session.end() == 0
    assert set(re.findall(r"\x1b\[[\d;]*([A-Za-z])", session.transcript.getvalue())) == {"A", "J"}


def test_a_terminal_that_does_not_say_how_wide_it_is_is_taken_for_80_columns(
    project: Path, server: SlowServer
) -> None:
    session = Session(project, environment(server), columns=0)
    session.wait_for(*BARS)
    server.released.set()
    assert session.end() == 0
    assert bars(session) == []
    assert session.screen.widest <= 80


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    project: Path, server: SlowServer
) -> None:
    server.released.set()
    session = Session(project, environment(server, TERM="dumb"))
    assert session.end() == 0
    assert "\x1b" not in session.transcript.getvalue()


def test_a_log_gets_neither_bars_nor_escapes_and_rich_is_not_imported(
    project: Path, server: SlowServer
) -> None:
    server.released.set()
    script = (
        "import sys; from reconciler.cli.main import run; "
        "code = run(['apply', '--auto-approve']); "
        "sys.exit(code or 'rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project,
        env=environment(server),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stderr
    assert "all uploads" not in done.stderr
    assert "bot: adapter_model.safetensors uploaded" in done.stderr
