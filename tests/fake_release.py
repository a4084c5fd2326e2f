"""A launcher that behaves like an OpenClaw release on the databases that this program writes, or misbehaves on demand.

It lists the typed rows of every agent directory whose name is a normalized id. ``twist`` is Python text that may
change ``rows``, or do any harm to the state directory ``state``, before a command answers; ``words`` is the command.
"""

from __future__ import annotations

import sys
from pathlib import Path

_PROGRAM = """
import glob, json, os, re, signal, socket, sqlite3, sys
words, state = sys.argv[1:], os.environ["OPENCLAW_STATE_DIR"]
if words == ["--version"]:
    sys.exit(print("OpenClaw VERSION"))
rows, histories = [], {}
for path in sorted(glob.glob(state + "/agents/*/agent/openclaw-agent.sqlite")):
    agent = path.split("/")[-3]
    if not re.fullmatch("[a-z0-9_-]+", agent):
        continue
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as connection:
        for key, text in connection.execute("SELECT session_key, entry_json FROM session_entries"):
            entry = json.loads(text)
            names = ("sessionId", "model", "modelProvider", "totalTokens", "inputTokens", "outputTokens", "label")
            rows.append({"key": key, **{name: entry[name] for name in names if name in entry}})
            events = connection.execute(
                "SELECT event_json FROM transcript_events WHERE session_id = ? ORDER BY seq", (entry.get("sessionId"),)
            )
            events = [json.loads(event) for (event,) in events]
            histories[key] = [e["message"] | {"__openclaw": {}} for e in events if e["type"] == "message"]
TWIST
if words[:1] == ["doctor"]:
    open(state + "/doctor-was-here", "w").close()
elif words[:1] == ["sessions"]:
    print(json.dumps({"sessions": rows}))
elif words[:1] == ["status"]:
    print(json.dumps({"sessions": {"count": len(rows)}}))
elif words[:2] == ["gateway", "run"]:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = socket.create_server(("127.0.0.1", int(words[words.index("--port") + 1])))
    while True:
        server.accept()[0].close()
elif words[2] == "sessions.list":
    print(json.dumps({"sessions": [row for row in rows if ":run:" not in row["key"]]}))
else:
    asked = json.loads(words[words.index("--params") + 1])
    print(json.dumps({"messages": histories[asked["sessionKey"]][-asked["limit"]:]}))
"""


def fake_release(folder: Path, twist: str = "", version: str = "2026.9.6") -> Path:
    """Write the launcher."""
    folder.mkdir(parents=True, exist_ok=True)
    launcher = folder / "openclaw"
    program = _PROGRAM.replace("VERSION", version).replace("TWIST", twist)
    launcher.write_text(f"#!{sys.executable} -IS\n{program}", encoding="utf-8")
    launcher.chmod(0o755)
    return launcher
