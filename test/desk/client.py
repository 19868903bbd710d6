"""The desk's API as a program sees it: requests with a cookie and the token, answers as (status, headers, JSON or bytes)."""
import http.client
import json
from urllib.parse import quote, urlencode, urlsplit


class Client:
    def __init__(self, url, role=None, password=None):
        self.host = urlsplit(url).netloc
        self.cookie = None
        self.csrf = None
        if role:
            status, headers, content = self.log_in(role, password)
            assert status == 200, (role, status, content)

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, timeout=600)
        sent = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf, **(headers or {})}
        try:
            connection.request(method, path, body, {name: value for name, value in sent.items() if value is not None})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if content and answer.getheader("content-type", "").startswith("application/json"):
            content = json.loads(content)
        return answer.status, answer.headers, content

    def get(self, *parts, **query):
        return self.request("GET", address(parts, query))

    def send(self, method, *parts, json_body=None, image=None, headers=None, **query):
        body, kind = b"", None
        if json_body is not None:
            body, kind = json.dumps(json_body).encode(), "application/json"
        elif image is not None:
            body, kind = image, "image/jpeg"
        return self.request(method, address(parts, query), body, {"Content-Type": kind, **(headers or {})})

    def log_in(self, role, password):
        status, headers, content = self.send("POST", "session", json_body={"role": role, "password": password})
        if status == 200:
            self.cookie = headers["set-cookie"].split(";")[0]
            self.csrf = content["csrf"]
        return status, headers, content


def address(parts, query):
    path = "/api/" + "/".join(quote(str(part), safe="") for part in parts)
    return path + ("?" + urlencode(query) if query else "")
