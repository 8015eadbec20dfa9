"""A Docker token server: `token_server.py PORT KEY CERTIFICATE`, user and password in TOKEN_USER and TOKEN_PASSWORD.

Answers GET with Basic and POST with the password grant, as the Docker registry token specification describes. An
anonymous client gets a token without access; a wrong password gets 401.
"""

import base64
import http.server
import json
import os
import subprocess
import sys
import time
import urllib.parse

port, key, certificate = int(sys.argv[1]), sys.argv[2], sys.argv[3]
USER, PASSWORD = os.environ["TOKEN_USER"], os.environ["TOKEN_PASSWORD"]


def encode(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def token(user, access):
    with open(certificate, encoding="ascii") as file:
        chain = ["".join(line.strip() for line in file if "CERTIFICATE" not in line)]
    now = int(time.time())
    header = {"typ": "JWT", "alg": "RS256", "x5c": chain}
    claims = {"iss": "tests", "sub": user, "aud": "tests", "exp": now + 300, "nbf": now - 5, "iat": now, "jti": os.urandom(8).hex(), "access": access}
    body = encode(json.dumps(header).encode()) + "." + encode(json.dumps(claims).encode())
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=body.encode(), capture_output=True, check=True)
    return body + "." + encode(signature.stdout)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        user = password = None
        authorization = self.headers.get("Authorization", "")
        if authorization.startswith("Basic "):
            user, _, password = base64.b64decode(authorization[6:]).decode().partition(":")
        self.grant(query, user, password)

    def do_POST(self):
        query = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        self.grant(query, query.get("username", [None])[0], query.get("password", [None])[0])

    def grant(self, query, user, password):
        if user is not None and (user, password) != (USER, PASSWORD):
            return self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]})
        access = []
        if user is not None:
            for scope in " ".join(query.get("scope", [])).split():
                kind, name, actions = scope.split(":", 2)
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
        granted = token(user or "", access)
        return self.answer(200, {"token": granted, "access_token": granted, "expires_in": 300})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
