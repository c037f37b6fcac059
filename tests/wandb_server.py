"""A W&B server on the loopback, as far as the client 0.31 needs one: runs, their files, and grid sweeps."""

import collections
import contextlib
import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

PROJECT = {"id": "P", "name": "ltd", "entity": {"id": "E", "name": "us"}}


def grid(parameters):
    """All settings of a sweep's parameters, nested ones as mappings."""
    choices = []
    for one in parameters.values():
        if "parameters" in one:
            choices.append(grid(one["parameters"]))
        else:
            choices.append(one["values"] if "values" in one else [one["value"]])
    return [dict(zip(parameters, picked, strict=True)) for picked in itertools.product(*choices)]


class Run:
    """What the server was told of a run."""

    def __init__(self):
        self.told, self.history, self.summary, self.complete, self.files = {}, [], {}, False, set()

    @property
    def config(self):
        return {name: entry["value"] for name, entry in json.loads(self.told["config"]).items() if name != "_wandb"}


class Server:
    """`with Server() as server:` answers at `server.address`; `die()` closes the port at once.

    A sweep hands out its first run when `crowd` agents have come to it.
    """

    def __init__(self, crowd=1):
        self.crowd = crowd
        self.runs, self.sweeps, self.agents = collections.defaultdict(Run), {}, {}
        self.calls, self.lock, self.dead = collections.Counter(), threading.Lock(), False
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def handle(self):
                with contextlib.suppress(ConnectionError):  # clients leave without a word
                    super().handle()

            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                with owner.lock:
                    if owner.dead:
                        self.close_connection = True
                        return
                    found = json.dumps(owner.route(self.path, body)).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(found)))
                self.end_headers()
                self.wfile.write(found)

            do_GET = do_POST = do_PUT = answer

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        if not self.dead:
            self.die()

    def die(self):
        with self.lock:
            self.dead = True
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()

    # ---------------------------------------------------------------------------------------- answers

    def route(self, path, body):
        if path == "/graphql":
            asked = json.loads(body)
            name = asked.get("operationName") or asked["query"].split("(")[0].split("{")[0].split()[-1]
            self.calls[name] += 1
            answer = getattr(self, name, None)
            return {"data": answer(asked.get("variables") or {}) if answer else {}}
        if path.endswith("/file_stream"):
            self.stream(self.runs[path.split("/")[4]], json.loads(body))
        return {}

    def stream(self, run, told):
        for name, part in told.get("files", {}).items():
            lines = [json.loads(line) for line in part["content"]] if name.endswith((".json", ".jsonl")) else []
            if name == "wandb-history.jsonl":
                run.history[part["offset"] :] = lines
            if name == "wandb-summary.json":
                run.summary = lines[-1]
        run.complete |= bool(told.get("complete"))
        run.files |= set(told.get("uploaded") or [])

    def Viewer(self, _):
        return {
            "viewer": {"id": "U", "entity": "us", "username": "us", "email": "", "flags": "{}", "teams": {"edges": []}}
        }

    def ServerFeaturesQuery(self, _):
        return {"serverInfo": {"features": []}}

    def RunResumeStatus(self, asked):
        if asked["name"] not in self.runs:
            return {"model": {**PROJECT, "bucket": None}}
        run = self.runs[asked["name"]]
        bucket = {
            "id": asked["name"],
            "name": asked["name"],
            "displayName": run.told.get("displayName"),
            "config": run.told.get("config"),
            "summaryMetrics": json.dumps(run.summary),
            "logLineCount": 0,
            "eventsLineCount": 0,
            "eventsTail": "[]",
            "historyLineCount": len(run.history),
            "historyTail": json.dumps([json.dumps(row) for row in run.history[-1:]]),
            "wandbConfig": '{"t": {}}',
        }
        return {"model": {**PROJECT, "bucket": bucket}}

    def UpsertBucket(self, told):
        fresh = told["name"] not in self.runs
        run = self.runs[told["name"]]
        run.told |= {name: value for name, value in told.items() if value is not None}
        bucket = {
            "id": told["name"],
            "name": told["name"],
            "displayName": run.told.get("displayName"),
            "config": run.told.get("config"),
            "sweepName": run.told.get("sweep"),
            "project": PROJECT,
            "historyLineCount": len(run.history),
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": fresh}}

    def CreateRunFiles(self, told):
        files = [{"name": name, "uploadUrl": f"{self.address}/upload/{name}"} for name in told["files"]]
        return {"createRunFiles": {"runID": told["run"], "uploadHeaders": [], "files": files}}

    def ArtifactType(self, _):
        return {"project": None}

    def CreateArtifact(self, told):
        latest = {"latestArtifact": {"id": "A", "versionIndex": 0}}
        return {"createArtifact": {"artifact": {"id": "A", "state": "COMMITTED", "artifactSequence": latest}}}

    # ---------------------------------------------------------------------------------------- sweeps

    def UpsertSweep(self, told):
        name, config = f"sweep{len(self.sweeps)}", yaml.safe_load(told["config"])
        self.sweeps[name] = {"config": told["config"], "program": config["program"], "left": grid(config["parameters"])}
        return {"upsertSweep": {"sweep": {"name": name, "project": PROJECT}, "configValidationWarnings": []}}

    def SweepWithRuns(self, asked):
        found = {"id": asked["sweep"], "name": asked["sweep"], "config": self.sweeps[asked["sweep"]]["config"]}
        return {"project": {"sweep": {**found, "method": "grid", "state": "RUNNING", "runs": {"edges": []}}}}

    def CreateAgent(self, told):
        agent = f"{told['sweep']}-{len(self.agents)}"
        self.agents[agent] = told["sweep"]
        return {"createAgent": {"agent": {"id": agent}}}

    def Heartbeat(self, told):
        sweep, busy, commands = self.sweeps[self.agents[told["id"]]], json.loads(told["runState"]), []
        if list(self.agents.values()).count(self.agents[told["id"]]) < self.crowd:
            pass
        elif not busy and sweep["left"]:
            args = {name: {"value": value} for name, value in sweep["left"].pop(0).items()}
            run_id = f"{told['id']}-{len(sweep['left'])}"
            commands = [{"type": "run", "run_id": run_id, "program": sweep["program"], "args": args}]
        elif not busy:
            commands = [{"type": "exit"}]
        return {"agentHeartbeat": {"agent": {"id": told["id"]}, "commands": json.dumps(commands)}}
