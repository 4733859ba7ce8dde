"""The services that hsid asks: Redis, the detector, the language model. Pure.

What a service said is judged by its contract and never repeated: it may hold anything.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

from hsid.doctor.findings import Finding, Verdict, failed, passed, warned

REDIS = "redis"
DETECTOR = "detector"
MODEL = "model"

_POLICY_FIX = "in redis.conf: maxmemory-policy noeviction, appendonly yes; see docs/queues.md"


@dataclass(frozen=True, slots=True)
class Reply:
    """What an HTTP service answered."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class NoReply:
    """It did not answer; *words* say how that went."""

    words: str


Answer: TypeAlias = Reply | NoReply


def judge_redis(where: str, version: str, warnings: tuple[str, ...]) -> Iterator[Finding]:
    """Say how the server at *where* is set up; *warnings* are those of the queues."""
    for warning in warnings:
        yield warned(REDIS, f"{where}: {warning}", _POLICY_FIX)
    if not warnings:
        yield passed(REDIS, f"{where}: version {version}, set up well for queues")


def judge_redis_fault(words: str, *, is_refusal: bool) -> Finding:
    """Say what it means that the server can't be used; *words* are those of the queues."""
    if is_refusal:
        return failed(REDIS, words, "mend it, or correct redis_url, redis_username, redis_password")
    return failed(REDIS, words, "start the server or correct redis_url; uploads wait meanwhile")


def judge_detector(where: str, answer: Answer) -> Finding:
    """Say whether the RT-DETR service at *where* could look at a picture."""
    trouble = _trouble(DETECTOR, where, answer, setting="rtdetr_url", key="rtdetr_api_key")
    if trouble is not None or not isinstance(answer, Reply):
        return trouble or passed(DETECTOR, where)
    told = _document(answer.body)
    log = "see the log of the service; uploads wait meanwhile"
    match told.get("model_loaded"), told.get("status"):
        case False, _:
            return failed(DETECTOR, f"{where} answers, but has no model loaded", log)
        case True, "healthy":
            return passed(DETECTOR, f"{where} is healthy")
        case True, _:
            return warned(DETECTOR, f"{where} answers, but is not healthy", log)
        case _:
            words = f"{where} does not tell whether its model is loaded"
            return warned(DETECTOR, words, "is rtdetr_url that of an RT-DETR service?")


def judge_model(where: str, answer: Answer, *, is_used: bool) -> Finding:
    """Say whether the language model at *where* is there; it is no failure unless it is used."""
    key = "the key of the service"
    trouble = _trouble(MODEL, where, answer, setting="nemotron_url", key=key)
    if trouble is None:
        return passed(MODEL, f"{where} answers")
    if is_used:
        return trouble
    words = f"{trouble.summary}; no analyst asks for it yet"
    return Finding(MODEL, Verdict.WARN, words, trouble.fix)


def _trouble(check: str, where: str, answer: Answer, *, setting: str, key: str) -> Finding | None:
    if isinstance(answer, NoReply):
        fix = f"start the service or correct {setting}"
        return failed(check, f"{where}: {answer.words}", fix)
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return failed(check, f"{where} asks for another API key", f"correct {key}")
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
        words = f"{where} is not ready: it may be loading its model"
        return failed(check, words, "wait, or see the log of the service")
    if answer.status != HTTPStatus.OK:
        words = f"{where} answers with status {answer.status}"
        return failed(check, words, f"is {setting} that of the right service?")
    return None


def _document(body: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
