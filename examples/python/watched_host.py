"""A host that is watched: /health for a supervisor, /metrics for Prometheus, and faults as they happen.

    python watched_host.py DATABASE PORT     serves until it is interrupted
    python watched_host.py --check           asks itself once, against a database of its own, and ends with 0

/health answers 200 while the engine is open and 503 once a fault of a write has stopped it; a supervisor then starts
the process anew. /metrics has the figures of the library and of the store, none of which tells of a record or a person.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import guanxi

KEY = b"an example key never for a host!"
PASSWORD = "one long password"
FAULTS: Counter[str] = Counter()


def on_event(level: int, event: str, about: str) -> None:
    """What the library tells: counted, and faults are said at once. A host would page somebody here."""
    FAULTS[event] += 1
    if level <= guanxi.ERROR:
        print(f"fault: {event} {about}", file=sys.stderr, flush=True)


def metrics(crm: guanxi.Crm, watcher: guanxi.Session) -> Iterator[str]:
    """The figures in the text format of Prometheus."""
    health = crm.health()
    yield f"guanxi_up {int(health['state'] == 'open')}"
    yield f"guanxi_sessions {health['sessions']}"
    yield f"guanxi_handles {health['process']['handles']}"
    yield f"guanxi_panics_total {health['process']['panics']}"
    for key, count in sorted(health["process"]["failures"].items()):
        yield f'guanxi_failures_total{{error="{key}"}} {count}'
    for event, count in sorted(FAULTS.items()):
        yield f'guanxi_events_total{{event="{event}"}} {count}'
    if health["state"] != "open":
        return
    yield f"guanxi_ledger_position {health['position']}"
    for name, value in sorted(watcher.call("database.statistics").items()):
        if isinstance(value, int):
            yield f"guanxi_store_{name} {value}"


def handler(crm: guanxi.Crm, watcher: guanxi.Session) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, text = self.answer()
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def answer(self) -> Tuple[int, str, str]:
            if self.path == "/health":
                health: Dict[str, Any] = crm.health()
                return (200 if health["state"] == "open" else 503), "application/json", json.dumps(health)
            if self.path == "/metrics":
                return 200, "text/plain; version=0.0.4", "\n".join(metrics(crm, watcher)) + "\n"
            return 404, "text/plain", "there are /health and /metrics\n"

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    return Handler


def opened(path: str) -> guanxi.Crm:
    if Path(path).exists():
        return guanxi.open(path, key=KEY)
    return guanxi.create(path, key=KEY, administrator=("admin", PASSWORD))


def serve(path: str, port: int, check: bool) -> None:
    guanxi.set_log(on_event, guanxi.DEBUG)
    with opened(path) as crm, crm.sign_in("admin", PASSWORD) as watcher:
        with ThreadingHTTPServer(("127.0.0.1", port), handler(crm, watcher)) as server:
            place = f"http://127.0.0.1:{server.server_address[1]}"
            print(f"serving {place}/health and {place}/metrics", flush=True)
            if not check:
                server.serve_forever()
                return
            threading.Thread(target=server.serve_forever, daemon=True).start()
            ask_itself(place, watcher)
            server.shutdown()


def ask_itself(place: str, watcher: guanxi.Session) -> None:
    """Makes a call fail, and finds that in the figures."""
    try:
        watcher.create("crm.account")
    except guanxi.Error as error:
        assert error.key == "schema.required"
    with urllib.request.urlopen(f"{place}/health") as answer:
        assert answer.status == 200 and json.load(answer)["state"] == "open"
    with urllib.request.urlopen(f"{place}/metrics") as answer:
        told = answer.read().decode()
    for line in ("guanxi_up 1", "guanxi_panics_total 0", 'guanxi_failures_total{error="schema.required"} 1',
                 'guanxi_events_total{event="call.failed"} 1', "guanxi_store_commits "):
        assert line in told, f"{line} is missing in:\n{told}"
    print(told, end="")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        with tempfile.TemporaryDirectory() as folder:
            serve(str(Path(folder) / "watched.guanxi"), 0, check=True)
    else:
        serve(sys.argv[1], int(sys.argv[2]), check=False)
