"""`rayonnage serve` under load, against `Model.predict` and `fusion predict` on the same products; in one run.

Usage: python bench/serve.py DEMO [--minutes 5] [--products 120] [--rounds 3] [--singles 40]

DEMO is a folder of `rayonnage demo`, which is left as it is. The server is a process of its own; the clients speak bare
HTTP over sockets, and what CPU time they take is taken off where it says so. Each request shows photos that were never
shown before (a comment in the JPEG tells them apart), so that neither answers nor words read are known, unless it says
otherwise. What is compared takes turns.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import bson
from process_memory import memory_kib

from catalog.catalog import Catalog
from catalog.files.progress import in_batches
from catalog.product import Product
from catalog.runs.workspace import Workspace
from fusion.model import Model
from fusion.prediction.answers import Answer
from fusion.prediction.predict_catalog import predict_file
from fusion.prediction.stages import BegunPrediction, StagedPrediction

CLIENTS, SOME = 100, 32
WARM_UPS = 2
"""Rounds that count for neither side. The server's first one takes 60 ms of CPU time a product, its second one 23,
later ones 15; `fusion predict` takes 29 in its first one, and 9 from then on: networks are compiled and checked for
few and for many, readers start, the sentence encoder is loaded."""
KNOWN_EVERY = 5
"""Each so many requests show photos that were shown before."""
BOUNDARY = b"rayonnage-bench"
NEAR = 1e-5


def stamped(photo: bytes, stamp: int) -> bytes:
    """The same JPEG with a number in a comment."""
    return photo[:2] + b"\xff\xfe\x00\x0a" + stamp.to_bytes(8, "big") + photo[2:]


def stamped_product(product: Product, stamp: int) -> Product:
    """Its photos were never shown before."""
    return replace(product, images=tuple(stamped(photo, stamp) for photo in product.images))


def request_of(product: Product) -> bytes:
    """A form, as browsers send it."""
    parts = [b'name="title"\r\n\r\n' + product.title.encode()]
    parts += [b'name="photos"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + one for one in product.images]
    body = b"".join(b"--" + BOUNDARY + b"\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts)
    body += b"--" + BOUNDARY + b"--\r\n"
    head = (
        f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n\r\n"
    )
    return head.encode() + body


class Client:
    """One connection, kept."""

    def __init__(self, port: int) -> None:
        self._port, self._streams = port, None

    async def ask(self, request: bytes) -> tuple[int, dict]:
        """Status and JSON of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(fields["content-length"]))
        if fields.get("connection") == "close":
            self._streams = None
        return int(head.split()[1]), json.loads(body) | {"retry-after": fields.get("retry-after")}


def difference(answer: dict, alone: Answer) -> str:
    """What is another than `Model.predict` says alone, empty for nothing."""
    if answer["decision"] != alone.decision or tuple(answer["given"]) != alone.given:
        return "decision"
    if [one["category_id"] for one in answer["candidates"]] != [one.category_id for one in alone.candidates]:
        return "candidates"
    far = (
        abs(one["probability"] - other.probability)
        for one, other in zip(answer["candidates"], alone.candidates, strict=True)
    )
    return "probability" if max(far) > NEAR else ""


@dataclass
class Server:
    """`rayonnage serve` as a process."""

    process: subprocess.Popen
    port: int

    @classmethod
    def start(cls, runs: Path) -> Server:
        """Wait until its model answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen([sys.executable, __file__, str(runs), "--serve", str(port)])
        while True:
            try:
                if asyncio.run(Client(port).ask(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))[0] == 200:
                    return cls(process, port)
            except OSError:
                if process.poll() is not None:
                    raise
            time.sleep(0.1)

    def children(self) -> list[int]:
        """Processes that it has started."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for task in tasks for pid in task.read_text().split()]


def serve(runs: Path, port: int) -> None:
    """The server; one machine's clients may ask more than otherwise."""
    from rayonnage.web.server import run_server
    from rayonnage.web.settings import RequestLimits, ServerSettings

    run_server(ServerSettings(runs, port=port, limits=RequestLimits(per_minute=10**7)))


class Bench:
    """The products, and what `Model.predict` says of each alone."""

    def __init__(self, demo: Path, n: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rayonnage-serve-"))
        shutil.copytree(demo / "runs", self.folder / "runs", ignore=shutil.ignore_patterns("transcripts*"))
        address = json.loads((demo / "predictions" / "input.json").read_text())["catalog"]
        self.products = list(Catalog(Path(address)).take(range(n)))
        run = Workspace(self.folder / "runs").require("fusion")
        self.model = Model.load(run.folder, self.folder / "alone")
        self.stamps: Iterator[int] = itertools.count(1)
        self.known = next(self.stamps)
        self.alone = [self.predict(stamped_product(product, self.known)) for product in self.products]
        self.server = Server.start(self.folder / "runs")

    def predict(self, product: Product) -> Answer:
        """`Model.predict` alone."""
        [answer] = self.model.predict([{"photos": list(product.images), "title": product.title}])
        return answer

    def load(self, minutes: float) -> None:
        """Many clients for minutes."""
        statuses: Counter[str] = Counter()
        differences: Counter[str] = Counter()
        seconds: list[float] = []
        memory: list[float] = []
        start = time.monotonic()
        end = start + 60 * minutes

        async def client(number: int) -> None:
            own = Client(self.server.port)
            for n in itertools.count():
                if time.monotonic() > end:
                    return
                row = (number * 37 + n) % len(self.products)
                stamp = self.known if n % KNOWN_EVERY == 0 else next(self.stamps)
                asked = time.monotonic()
                status, answer = await own.ask(request_of(stamped_product(self.products[row], stamp)))
                if status == 200:
                    seconds.append(time.monotonic() - asked)
                statuses[f"{status}{'' if status == 200 or answer['retry-after'] else ' without Retry-After'}"] += 1
                if answer["retry-after"]:
                    await asyncio.sleep(int(answer["retry-after"]))
                    # the server has closed what was idle for so long
                    own = Client(self.server.port)
                if status == 200:
                    differences[difference(answer["answers"][0], self.alone[row]) or "none"] += 1

        async def watch() -> None:
            # what is loaded when it is first needed is there after a tenth of the time
            await asyncio.sleep(6 * minutes)
            while time.monotonic() < end:
                memory.append(sum(memory_kib(self.server.process.pid)) / 1024)
                await asyncio.sleep(5)

        async def everybody() -> None:
            await asyncio.gather(watch(), *(client(number) for number in range(CLIENTS)))

        asyncio.run(everybody())
        told = ", ".join(f"{n} x {status}" for status, n in sorted(statuses.items()))
        print(f"{CLIENTS} clients, {minutes:g} minutes, one product a request, each {KNOWN_EVERY}th known: {told}")
        n_wrong = sum(differences.values()) - differences["none"]
        print(f"    {sum(differences.values()) / (time.monotonic() - start):.1f} answers a second; p50 "
              f"{statistics.median(seconds):.2f} s, p99 {statistics.quantiles(seconds, n=100)[98]:.2f} s")  # fmt: skip
        print(f"    answers other than Model.predict's alone: {n_wrong} of {sum(differences.values())} "
              f"{dict(differences) if n_wrong else ''}".rstrip())  # fmt: skip
        first, last = statistics.median(memory[:5]), statistics.median(memory[-5:])
        print(f"    memory of the server and its readers: {first:.0f} MiB, at the end {last:.0f} MiB "
              f"({last / first - 1:+.1%}), most {max(memory):.0f} MiB")  # fmt: skip

    def throughput(self, rounds: int) -> None:
        """Some clients against `fusion predict`."""
        own, net, command = list[float](), list[float](), list[float]()
        for number in range(WARM_UPS + rounds):
            fresh = [stamped_product(product, next(self.stamps)) for product in self.products]
            file = self.folder / f"{number}.bson"
            file.write_bytes(b"".join(
                bson.encode({"_id": p.product_id, "title": p.title, "imgs": [{"picture": one} for one in p.images]})
                for p in fresh
            ))  # fmt: skip
            start = time.monotonic()
            predict_file(
                self.model.predictor, Catalog(file), Workspace(self.folder / "alone"), self.folder / f"p{number}"
            )
            command.append(len(fresh) / (time.monotonic() - start))
            requests = [request_of(stamped_product(product, next(self.stamps))) for product in self.products]
            start, cpu = time.monotonic(), time.process_time()
            asyncio.run(self._ask_all(requests))
            wall, cpu = time.monotonic() - start, time.process_time() - cpu
            own.append(len(requests) / wall)
            net.append(len(requests) / (wall - cpu / (os.cpu_count() or 1)))
        own, net, command = own[WARM_UPS:], net[WARM_UPS:], command[WARM_UPS:]
        ratio = statistics.median(a / b for a, b in zip(net, command, strict=True))
        print(f"{SOME} clients, {len(self.products)} products, {rounds} rounds, reading included: "
              f"{statistics.median(own):.1f} products a second, {statistics.median(net):.1f} without the clients' CPU "
              f"time; fusion predict {statistics.median(command):.1f}: ratio {ratio:.2f} (goal 0.9)")  # fmt: skip

    async def _ask_all(self, requests: Sequence[bytes]) -> None:
        left = iter(requests)

        async def client() -> None:
            own = Client(self.server.port)
            for request in left:
                status, answer = await own.ask(request)
                assert status == 200, answer

        await asyncio.gather(*(client() for _ in range(SOME)))

    def single(self, repeats: int) -> None:
        """One product, warm."""
        rows = [row for row, one in enumerate(self.alone) if one.n_images == 4 and self._is_unread(row)]
        over_http, alone = list[float](), list[float]()

        async def turns() -> None:
            client = Client(self.server.port)
            for n in range(repeats + 5):
                product = self.products[rows[n % len(rows)]]
                request = request_of(stamped_product(product, next(self.stamps)))
                start = time.monotonic()
                await client.ask(request)
                over_http.append(time.monotonic() - start)
                fresh = stamped_product(product, next(self.stamps))
                start = time.monotonic()
                self.predict(fresh)
                alone.append(time.monotonic() - start)

        asyncio.run(turns())
        # the first ones warm both up
        a, b = statistics.median(over_http[5:]), statistics.median(alone[5:])
        print(f"one product, warm, four photos, no reading, {repeats} turns: p50 {1000 * a:.1f} ms over HTTP, "
              f"{1000 * b:.1f} ms Model.predict: {a / b:.2f} times (goal 1.3)")  # fmt: skip

    def together(self) -> None:
        """What a product takes of the cores by itself and among eight, to begin with and once it has been read."""
        predictor, begin_ms, conclude_ms = self.model.predictor, dict[int, float](), dict[int, float]()
        # the first time warms up
        for size in (8, 1, 8):
            fresh = [stamped_product(product, next(self.stamps)) for product in self.products[:64]]
            start = time.process_time()
            staged = [StagedPrediction.of(predictor, some) for some in in_batches(fresh, size)]
            for one in staged:
                if one.ready is not None:
                    one.ready.finish()
            begin_ms[size] = 1000 * (time.process_time() - start) / len(fresh)
            read = [waiting.fetch() for one in staged for waiting in one.waiting]
            start = time.process_time()
            for some in in_batches(read, size):
                BegunPrediction.joined(some).finish()
            conclude_ms[size] = 1000 * (time.process_time() - start) / len(read)
        print(f"CPU time of a product: begun by itself {begin_ms[1]:.1f} ms, among eight {begin_ms[8]:.1f} ms; "
              f"concluded once it is read {conclude_ms[1]:.1f} ms, among eight {conclude_ms[8]:.1f} ms")  # fmt: skip

    def _is_unread(self, row: int) -> bool:
        return any(one.expert == "text" and one.silence.name == "NOT_ROUTED" for one in self.alone[row].silent)

    def hanging(self) -> None:
        """A reader that hangs, between products that are read and products that are not."""
        read = [row for row in range(len(self.products)) if not self._is_unread(row) and self.alone[row].text_read]
        unread = [row for row in range(len(self.products)) if self._is_unread(row)]
        took: dict[str, list[float]] = {"read": [], "unread": []}

        async def one(kind: str, row: int, delay: float) -> None:
            await asyncio.sleep(delay)
            start = time.monotonic()
            status, _ = await Client(self.server.port).ask(
                request_of(stamped_product(self.products[row], next(self.stamps)))
            )
            assert status == 200, status
            took[kind].append(time.monotonic() - start)

        async def stop_one() -> None:
            readers = {pid: _cpu_ticks(pid) for pid in self.server.children() if b"rapid_worker" in _command(pid)}
            while True:
                await asyncio.sleep(0.005)
                for pid, before in readers.items():
                    if _cpu_ticks(pid) > before:
                        os.kill(pid, signal.SIGSTOP)
                        return

        async def everybody() -> None:
            await asyncio.gather(
                stop_one(),
                *(one("read", row, n / 2) for n, row in enumerate(read[:16])),
                *(one("unread", row, n / 5) for n, row in enumerate(unread[:40])),
            )

        asyncio.run(everybody())
        with_hang = sorted(took["read"])
        print(f"a reader hangs: of {len(with_hang)} products that are read one takes {with_hang[-1]:.1f} s, the others "
              f"at most {with_hang[-2]:.2f} s; {len(took['unread'])} that are not read at most "
              f"{max(took['unread']):.2f} s")  # fmt: skip

    def drains(self) -> None:
        """SIGTERM while requests are under way."""
        requests = [request_of(stamped_product(product, next(self.stamps))) for product in self.products[:SOME]]

        async def everybody() -> list[int]:
            clients = [Client(self.server.port) for _ in requests]
            for client in clients:
                await client.ask(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            asked = [
                asyncio.create_task(client.ask(request)) for client, request in zip(clients, requests, strict=True)
            ]
            await asyncio.sleep(1)
            self.server.process.terminate()
            return [status for status, _ in await asyncio.gather(*asked)]

        start = time.monotonic()
        statuses = Counter(asyncio.run(everybody()))
        code = self.server.process.wait(60)
        print(f"SIGTERM with {len(requests)} requests under way: {dict(statuses)}, ended with {code} after "
              f"{time.monotonic() - start:.1f} s")  # fmt: skip

    def close(self) -> None:
        """End everything."""
        self.server.process.kill()
        self.model.close()
        shutil.rmtree(self.folder)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _cpu_ticks(pid: int) -> int:
    try:
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(numbers[11]) + int(numbers[12])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demo", type=Path)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--products", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--singles", type=int, default=40)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.demo, options.serve)
        return
    bench = Bench(options.demo, options.products)
    try:
        bench.together()
        bench.single(options.singles)
        bench.throughput(options.rounds)
        bench.load(options.minutes)
        bench.hanging()
        bench.drains()
    finally:
        bench.close()


if __name__ == "__main__":
    main()
