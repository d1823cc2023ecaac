"""A stand-in for the part of GitHub's API that the action asks: comments and merges."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

NAME = "acme/finetunes"
TOKEN = "ghs-the-token-of-the-job"
BOT = {"login": "github-actions[bot]", "type": "Bot"}


@dataclass(slots=True)
class Comment:
    id: int
    author: dict[str, str]
    body: str
    edited_by: dict[str, str] | None = None
    edited_at: str | None = None


@dataclass(slots=True)
class PullRequest:
    number: int
    base: str = "main"
    merge_commit: str = ""
    merged_at: str | None = None
    comments: list[Comment] = field(default_factory=list)


class GitHub(ThreadingHTTPServer):
    """Pull requests and comments of one repository behind REST and GraphQL."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pulls: dict[int, PullRequest] = {}
        self.calls: list[str] = []
        self.is_down = False
        self.now = "2026-03-01T10:00:00Z"
        self._ids = itertools.count(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def comment(self, number: int, author: dict[str, str], body: str) -> Comment:
        made = Comment(next(self._ids), author, body)
        self.pulls[number].comments.append(made)
        return made

    def edit(self, comment: Comment, editor: dict[str, str], body: str) -> None:
        comment.body, comment.edited_by, comment.edited_at = body, editor, self.now

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        """Return what the API would; KeyError for what is not there."""
        repository = f"/repos/{NAME}"
        if (method, path) == ("POST", "/graphql"):
            return self._graphql(body)
        assert path.startswith(repository), path
        kind, *rest = path.removeprefix(f"{repository}/").split("/")
        assert kind == "issues"
        if rest[0] == "comments" and method == "PATCH":
            comments = (c for pull in self.pulls.values() for c in pull.comments)
            found = next(c for c in comments if c.id == int(rest[1]))
            self.edit(found, BOT, body["body"])
            return _rest(found)
        assert rest[1] == "comments"
        number = int(rest[0])
        if method == "POST":
            assert len(body["body"]) <= 65_536, "GitHub refuses longer comments"
            return _rest(self.comment(number, BOT, body["body"]))
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return [_rest(c) for c in self.pulls[number].comments[(page - 1) * size : page * size]]

    def _graphql(self, body: Any) -> Any:
        sha = body["variables"]["sha"]
        assert f"{body['variables']['owner']}/{body['variables']['name']}" == NAME
        nodes = [
            {
                "number": pull.number,
                "merged": pull.merged_at is not None,
                "mergedAt": pull.merged_at,
                "baseRefName": pull.base,
                "mergeCommit": {"oid": pull.merge_commit} if pull.merge_commit else None,
                "comments": {"nodes": [_graph(comment) for comment in pull.comments[-100:]]},
            }
            for pull in self.pulls.values()
            if sha == pull.merge_commit
        ]
        found = {"associatedPullRequests": {"nodes": nodes}}
        return {"data": {"repository": {"object": found}}}


def _rest(comment: Comment) -> dict[str, Any]:
    return {"id": comment.id, "user": comment.author, "body": comment.body}


def _graph(comment: Comment) -> dict[str, Any]:
    return {
        "body": comment.body,
        "lastEditedAt": comment.edited_at,
        "author": _actor(comment.author),
        "editor": comment.edited_by and _actor(comment.edited_by),
    }


def _actor(user: dict[str, str]) -> dict[str, str]:
    return {"__typename": user["type"], "login": user["login"].removesuffix("[bot]")}


class _Handler(BaseHTTPRequestHandler):
    server: GitHub

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urlsplit(self.path)
        self.server.calls.append(f"{self.command} {url.path}")
        if self.server.is_down or self.headers["authorization"] != f"Bearer {TOKEN}":
            self._send(503 if self.server.is_down else 401, {"message": "no"})
            return
        body = json.loads(raw) if raw else None
        self._send(200, self.server.answer(self.command, url.path, parse_qs(url.query), body))

    do_GET = do_POST = do_PATCH = _serve  # noqa: N815

    def _send(self, status: int, document: Any) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def a_github() -> Iterator[GitHub]:
    with GitHub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
