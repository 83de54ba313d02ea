"""Alerts delivered to a real SMTP server (aiosmtpd: STARTTLS, a password) and a real HTTP receiver.

The receivers are down, slow and refusing in turn, and durward is killed in between; in the end
each alert has arrived exactly once, or is shown as refused.

usage: alerts.py DURWARD EMPTY-DIRECTORY
"""

import asyncio
import email
import email.policy
import http.server
import json
import logging
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from standardwebhooks.webhooks import Webhook

DURWARD, HOME = sys.argv[1], os.path.abspath(sys.argv[2])
DATA = os.path.join(HOME, "data")
TENANT = "11111111-2222-4333-8444-555555555555"
# What the mail server has to say of clients that go away is not of interest.
for name in ["mail.log", "asyncio"]:
    logging.getLogger(name).setLevel(logging.CRITICAL)
HTTP_PORT, SMTP_PORT = 18741, 18742
SIGNING_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PASSWORD = "a long password of the desk"
PATIENCE = 60
# Longer than durward waits for the next try, by the configuration below.
QUIET = 5

CONFIGURATION = f"""
[detections.lists]
break_glass = [{", ".join(f'"emergency{n}@contoso.example"' for n in range(10))}]

[alerts]
wait = "500ms"
timeout = "1s"
retry_first = "300ms"
retry_most = "1s"

[[alerts.channels]]
name = "hook"
kind = "webhook"
url_file = "{HOME}/url"
secret_file = "{HOME}/key"
headers = {{ Authorization = "file:{HOME}/header" }}

[[alerts.channels]]
name = "desk"
kind = "email"
host = "localhost"
port = {SMTP_PORT}
tls = "starttls"
ca_file = "{HOME}/cert.pem"
user = "desk"
password_file = "{HOME}/password"
from = "durward <durward@contoso.example>"
to = ["desk@contoso.example"]
"""


class Receiver:
    """An HTTP server that answers as told."""

    def __init__(self):
        self.tried, self.taken = [], []
        self.answers = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                # Raises if the signature or the time is wrong.
                message = Webhook(SIGNING_KEY).verify(body, dict(self.headers))
                assert self.headers["Authorization"] == "Bearer 42"
                assert self.headers["webhook-id"] == message["id"]
                outer.tried.append(message["id"])
                answer = outer.answers.pop(0) if outer.answers else 200
                if answer == "slow":
                    time.sleep(2)
                    answer = 500
                if answer == 200:
                    outer.taken.append(message)
                try:
                    self.send_response(answer)
                    self.end_headers()
                    self.wfile.write(b"so it is")
                except OSError:
                    pass  # durward has not waited for it

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", HTTP_PORT), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Desk:
    """An SMTP server that takes mail with STARTTLS and a password, or does as told."""

    def __init__(self):
        self.taken = []
        self.answers = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{HOME}/cert.pem", f"{HOME}/key.pem")
        self.controller = Controller(
            self,
            hostname="127.0.0.1",
            port=SMTP_PORT,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=self.is_known,
        )
        self.controller.start()

    def is_known(self, _server, session, _envelope, _mechanism, data):
        assert session.ssl is not None, "a password in clear"
        known = isinstance(data, LoginPassword) and data == LoginPassword(b"desk", PASSWORD.encode())
        return AuthResult(success=known)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        answer = self.answers.pop(0) if self.answers else None
        if answer == "slow":
            await asyncio.sleep(2)
            answer = "451 too slow anyway"
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        self.taken.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 taken"

    def stop(self):
        self.controller.stop()


class Durward:
    def __init__(self):
        command = [DURWARD, "serve", "--json", "--listen", "127.0.0.1:0", "--data", DATA]
        self.process = subprocess.Popen(
            command + ["--config", f"{HOME}/durward.toml"],
            stdout=subprocess.PIPE,
            stderr=open(f"{HOME}/log", "ab"),
            text=True,
        )
        self.url = json.loads(self.process.stdout.readline())["url"]

    def ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def deliveries(self, channel):
        return self.ask("GET", f"/api/alerts/deliveries?channel={channel}")["value"]

    def newest(self, channel):
        return (self.deliveries(channel) or [{"alert": None, "state": None, "error": ""}])[0]

    def use_emergency_account(self, number):
        """A successful sign-in of an emergency account: an alert of high severity."""
        now = datetime.now(timezone.utc) - timedelta(seconds=5)
        moment = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        new = lambda: str(uuid.uuid4())
        record = {
            "time": moment,
            "category": "SignInLogs",
            "operationName": "Sign-in activity",
            "tenantId": TENANT,
            "resultType": "0",
            "properties": {
                "id": new(),
                "createdDateTime": moment,
                "userPrincipalName": f"emergency{number}@contoso.example",
                "userDisplayName": f"Emergency {number}",
                "userId": new(),
                "appId": new(),
                "appDisplayName": "Azure Portal",
                "ipAddress": f"198.51.100.{number}",
                "correlationId": new(),
                "isInteractive": True,
                "clientAppUsed": "Browser",
                "status": {"errorCode": 0},
                "location": {"city": "Osaka", "countryOrRegion": "JP"},
            },
        }
        assert self.ask("POST", "/api/ingest/diagnostic", [record])["new"] == 1

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0


def wait_for(what, is_so):
    end = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > end:
            print(open(f"{HOME}/log").read()[-4000:])
            raise AssertionError(f"{what} did not happen within {PATIENCE} s")
        time.sleep(0.05)


def prepare():
    os.makedirs(DATA)
    for name, text in [
        ("durward.toml", CONFIGURATION),
        ("url", f"http://127.0.0.1:{HTTP_PORT}/services/SECRET\n"),
        ("key", SIGNING_KEY),
        ("header", "Bearer 42"),
        ("password", PASSWORD),
    ]:
        with open(os.path.join(HOME, name), "w") as file:
            file.write(text)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", f"{HOME}/key.pem"]
        + ["-addext", "subjectAltName=DNS:localhost", "-out", f"{HOME}/cert.pem"]
        + ["-addext", "basicConstraints=critical,CA:FALSE"],
        check=True,
        capture_output=True,
    )
    scope = "read,ingest,SecurityAlert.ReadWrite.All"
    command = [DURWARD, "token", "create", "--name", "all", "--scope", scope, "--data", DATA]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def down():
    """Nobody listens; durward is killed and started; then they do."""
    durward = Durward()
    durward.use_emergency_account(0)
    for channel in ["hook", "desk"]:
        tried = lambda: durward.newest(channel).get("failedTries", 0) >= 2
        wait_for(f"two tries at {channel}", tried)
        delivery = durward.newest(channel)
        assert delivery["state"] == "waiting" and "SECRET" not in delivery["error"], delivery
        assert "refused" in delivery["error"].lower(), delivery
    durward.kill()
    durward = Durward()
    receiver, desk = Receiver(), Desk()
    for channel in ["hook", "desk"]:
        wait_for(channel, lambda: durward.newest(channel)["state"] == "delivered")
    time.sleep(QUIET)
    assert len(receiver.taken) == 1 and len(desk.taken) == 1, (receiver.taken, desk.taken)
    told, mail = receiver.taken[0], desk.taken[0]
    assert told["alert"]["subject"]["name"] == "emergency0@contoso.example", told
    assert told["severity"] == "high" and told["alert"]["ipAddress"] == "198.51.100.0", told
    assert mail["Subject"].startswith("[durward] High: "), mail["Subject"]
    assert mail["To"] == "desk@contoso.example" and "198.51.100.0" in mail.get_content()
    return durward, receiver, desk


def slow(durward, receiver, desk):
    """They take too long twice; in the end each has it once, known by one identifier."""
    receiver.answers[:] = ["slow", "slow", 503]
    desk.answers[:] = ["slow", "421 busy"]
    before = len(receiver.tried)
    durward.use_emergency_account(1)
    for channel in ["hook", "desk"]:
        wait_for(channel, lambda: durward.newest(channel)["alert"] == 2
                 and durward.newest(channel)["state"] == "delivered")
    time.sleep(QUIET)
    assert len(receiver.taken) == 2 and len(desk.taken) == 2, (receiver.taken, desk.taken)
    tried = receiver.tried[before:]
    assert len(tried) == 4 and len(set(tried)) == 1, tried
    identifiers = {mail["Message-ID"] for mail in desk.taken}
    assert len(identifiers) == 2 and receiver.taken[1]["id"] in receiver.tried


def refusing(durward, receiver, desk):
    """They do not want it: shown, and not tried again until somebody asks for it."""
    receiver.answers[:] = [400]
    desk.answers[:] = ["550 no such mailbox"]
    before = len(receiver.tried)
    durward.use_emergency_account(2)
    for channel in ["hook", "desk"]:
        wait_for(channel, lambda: durward.newest(channel)["state"] == "refused")
    time.sleep(QUIET)
    assert len(receiver.tried) == before + 1 and len(desk.taken) == 2
    hook, mail = durward.newest("hook"), durward.newest("desk")
    assert hook["error"].startswith("HTTP status 400") and "550" in mail["error"], (hook, mail)
    channels = {one["name"]: one for one in durward.ask("GET", "/api/alerts/channels")["value"]}
    assert channels["hook"]["refused"] == 1 and channels["desk"]["refused"] == 1, channels
    for delivery in [hook, mail]:
        durward.ask("POST", f"/api/alerts/deliveries/{delivery['number']}/retry", {})
    wait_for("another try", lambda: len(receiver.taken) == 3 and len(desk.taken) == 3)


def killed(durward, receiver, desk):
    """Killed right after the records were taken, and again while delivering."""
    receiver.answers[:] = ["slow"]
    durward.use_emergency_account(3)
    durward.kill()
    durward = Durward()
    wait_for("a try", lambda: not receiver.answers)
    durward.kill()
    durward = Durward()
    for channel in ["hook", "desk"]:
        wait_for(channel, lambda: durward.newest(channel)["alert"] == 4
                 and durward.newest(channel)["state"] == "delivered")
    durward.stop()
    durward = Durward()
    time.sleep(QUIET)
    # Twice only if it was killed between an answer and noting it: known by the identifier.
    assert len({told["id"] for told in receiver.taken}) == 4, receiver.taken
    assert len({mail["Message-ID"] for mail in desk.taken}) == 4
    return durward


def tested(durward, receiver, desk):
    """The test button."""
    taken = len(receiver.taken), len(desk.taken)
    for channel in ["hook", "desk"]:
        outcome = durward.ask("POST", f"/api/alerts/channels/{channel}/test", {})
        assert outcome["outcome"] == "delivered", outcome
    assert (len(receiver.taken), len(desk.taken)) == (taken[0] + 1, taken[1] + 1)
    desk.answers[:] = ["550 no"]
    outcome = durward.ask("POST", "/api/alerts/channels/desk/test", {})
    assert outcome["outcome"] == "refused" and "550" in outcome["error"], outcome


TOKEN = prepare()
durward, receiver, desk = down()
try:
    slow(durward, receiver, desk)
    refusing(durward, receiver, desk)
    durward = killed(durward, receiver, desk)
    tested(durward, receiver, desk)
    log = open(f"{HOME}/log").read()
    for secret in ["SECRET", PASSWORD, "Bearer 42", SIGNING_KEY]:
        assert secret not in log, f"{secret} is in the log"
    durward.stop()
finally:
    durward.kill()
    receiver.stop()
    desk.stop()
print("alerts: down, slow, refusing, killed: each delivered once or shown as refused")
