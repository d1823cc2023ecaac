"""A stand-in for the part of GitHub's API that the action asks: comments and merges."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from tests.pipelines.loopback import Server, a_server

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


@dataclass(slots=True)
class GitHub:
    """Pull requests and comments of one repository behind REST and GraphQL."""

    url: str = ""
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    is_down: bool = False
    graphql_says: Any = None
    now: str = "2026-03-01T10:00:00Z"
    ids: Iterator[int] = field(default_factory=itertools.count)

    def comment(self, number: int, author: dict[str, str], body: str) -> Comment:
        made = Comment(next(self.ids), author, body)
        self.pulls[number].comments.append(made)
        return made

    def edit(self, comment: Comment, editor: dict[str, str], body: str) -> None:
        comment.body, comment.edited_by, comment.edited_at = body, editor, self.now

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Any:
        """Return what the API would; None where it is down."""
        self.calls.append(f"{method} {path}")
        if self.is_down:
            return None
        if (method, path) == ("POST", "/graphql"):
            return self._graphql(body)
        repository = f"/repos/{NAME}/issues/"
        assert path.startswith(repository), path
        rest = path.removeprefix(repository).split("/")
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
        size, page = int(query["per_page"]), int(query["page"])
        return [_rest(c) for c in self.pulls[number].comments[(page - 1) * size : page * size]]

    def _graphql(self, body: Any) -> Any:
        """Answer the action's two questions, as the variables tell which it is."""
        if self.graphql_says is not None:
            return self.graphql_says
        variables = body["variables"]
        assert f"{variables['owner']}/{variables['name']}" == NAME
        found = self._comments(variables) if "number" in variables else self._merges(variables)
        return {"data": {"repository": found}}

    def _merges(self, variables: Any) -> Any:
        """Associate every pull request with the commit, as those that only hold it are."""
        assert variables["sha"]
        nodes = [
            {
                "number": pull.number,
                "merged": pull.merged_at is not None,
                "baseRefName": pull.base,
                "mergeCommit": {"oid": pull.merge_commit} if pull.merge_commit else None,
            }
            for pull in self.pulls.values()
        ]
        return {"object": {"associatedPullRequests": {"nodes": nodes}}}

    def _comments(self, variables: Any) -> Any:
        """Return a page of 100, and where the next one begins."""
        pull = self.pulls[variables["number"]]
        start = int((variables["after"] or "after 0").removeprefix("after "))
        end = start + 100
        comments = {
            "pageInfo": {"hasNextPage": end < len(pull.comments), "endCursor": f"after {end}"},
            "nodes": [_graph(comment) for comment in pull.comments[start:end]],
        }
        return {"pullRequest": {"mergedAt": pull.merged_at, "comments": comments}}


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


def a_github() -> AbstractContextManager[GitHub]:
    """Serve a GitHub on loopback."""
    github = GitHub()
    return a_server(Server(github.answer, ("authorization", f"Bearer {TOKEN}")), github)
