"""The door of the chat platforms: prove, take in once, answer in time."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Mapping
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from bot.channels.wechat_codec import BadCallback
from bot.web import spoken
from bot.web.deadlines import Deadlines
from bot.web.parts import Listener, WebParts
from bot.web.reading import UnfitRequest, read_body
from bot.web.repeats import Repeats
from storage import inbox
from storage.errors import StorageUnavailable
from storage.operations.late_answers import answer_late
from storage.ports.chat import IncomingMessage, OutgoingMessage

log = logging.getLogger(__name__)

DOOR: Final = "/wechat/"
WORK_DOOR: Final = "/wecom/"
"""What an address of ours begins with; the account's name follows."""
SUCCESS: Final = b"success"
MARK_AFTER_SECONDS: Final = 0.25
MARK_MOST: Final = 200
MAX_SENDER_CHARS: Final = 64
_PLAIN: Final = spoken.headers(spoken.PLAIN)


class ChatDoor:
    """Callbacks of all accounts of one platform."""

    def __init__(self, parts: WebParts, accounts: Mapping[str, Listener], *, door: str) -> None:
        """Stand before the router, for these accounts; a path is the door and a name."""
        self._parts = parts
        self._accounts = accounts
        self._door = door
        self._repeats: Repeats | None = None
        self._deadlines = Deadlines(SUCCESS, seconds=parts.reply_seconds)
        self._answered: list[int] = []
        self._marking: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def verify(self, request: web.Request) -> web.Response:
        """Echo to the platform's address check."""
        account = self._accounts.get(request.path.removeprefix(self._door))
        if account is None:
            return web.Response(status=404, headers=_PLAIN)
        echo = account.verify_url(request.query)
        if echo is None:
            return web.Response(status=401, headers=_PLAIN)
        return web.Response(body=echo, headers=_PLAIN)

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Take one callback in and answer within the platform's five seconds.

        What does not prove itself, or cannot be read, is a 4xx; a 503 makes the platform call
        again.
        """
        received = asyncio.get_running_loop().time()
        account = self._accounts.get(request.path.removeprefix(self._door))
        if account is None:
            return web.Response(status=404, headers=_PLAIN)
        now = self._parts.clock.now()
        try:
            message = account.receive(request.query, await read_body(request), now=now)
        except (BadCallback, UnfitRequest) as refused:
            return self._refuse(refused.status)
        if len(message.sender) > MAX_SENDER_CHARS:
            return self._refuse(400)
        reply = self._reply_to(account, message, now, received)
        try:
            body = await reply
        except StorageUnavailable:
            return web.Response(status=503, headers={**_PLAIN, "Retry-After": "2"})
        return spoken.answer(request, body, spoken.PLAIN if body is SUCCESS else spoken.XML)

    def _refuse(self, status: int) -> web.Response:
        self._parts.metrics.refused.inc()
        response = web.Response(status=status, headers=_PLAIN)
        if status in (408, 413, 415):
            response.force_close()
        return response

    def _reply_to(
        self, account: Listener, message: IncomingMessage, now: datetime, received: float
    ) -> asyncio.Future[bytes]:
        """Return the answer to be: of the first call where this one is its repetition."""
        loop = asyncio.get_running_loop()
        if self._repeats is None:
            self._repeats = Repeats(loop.time)
        key = f"{message.account}|{message.message_key}"
        known = self._repeats.find(key)
        if known is not None:
            self._parts.metrics.repeated.inc()
            again = loop.create_future()
            known.add_done_callback(lambda done: _pass_on(done, again))
            self._deadlines.watch(again, received)
            return again
        reply: asyncio.Future[bytes] = loop.create_future()
        self._repeats.keep(key, reply)
        self._deadlines.watch(reply, received)
        self._go(self._answer(account, message, now, reply))
        return reply

    async def _answer(
        self,
        account: Listener,
        message: IncomingMessage,
        now: datetime,
        reply: asyncio.Future[bytes],
    ) -> None:
        """Take the message in, find the answer, and say it now or, where it is late, later."""
        parts = self._parts
        try:
            foresee = parts.router.foresee(message, now=now)
            accepted = await parts.db.jot(inbox.accept, message, now=now, foresee=foresee)
            if accepted is None:
                parts.metrics.repeated.inc()
                return
            parts.metrics.heard.inc()
            await self._say_answer(account, message, accepted, reply)
        except StorageUnavailable as trouble:
            self._not_taken(message, reply, trouble)
        finally:
            _say(reply, SUCCESS)

    async def _say_answer(
        self,
        account: Listener,
        message: IncomingMessage,
        accepted: inbox.Accepted,
        reply: asyncio.Future[bytes],
    ) -> None:
        parts = self._parts
        now = parts.clock.now()
        try:
            answer = await parts.router.answer(
                accepted.person, message, now=now, foreseen=accepted.foreseen
            )
            if not reply.done():
                _say(reply, _words(account, message, answer, now))
                self._mark(accepted.inbox_id)
            elif answer is None:
                self._mark(accepted.inbox_id)
            else:
                parts.metrics.late.inc()
                await parts.db.write(answer_late, accepted, answer, now=parts.clock.now())
                parts.wake()
        except StorageUnavailable:
            # It is in the inbox, unanswered: the sweep finds it there.
            log.warning("chat.unanswered", extra={"inbox_id": accepted.inbox_id})

    def _not_taken(
        self, message: IncomingMessage, reply: asyncio.Future[bytes], trouble: StorageUnavailable
    ) -> None:
        if self._repeats is not None:
            self._repeats.forget(f"{message.account}|{message.message_key}")
        if not reply.done():
            reply.set_exception(trouble)
            reply.exception()

    def _mark(self, inbox_id: int) -> None:
        """Note that a message has its answer; written down in groups, after the reply."""
        self._answered.append(inbox_id)
        if len(self._answered) >= MARK_MOST:
            self._flush()
        elif self._marking is None:
            loop = asyncio.get_running_loop()
            self._marking = loop.call_later(MARK_AFTER_SECONDS, self._flush)

    def _flush(self) -> None:
        if self._marking is not None:
            self._marking.cancel()
            self._marking = None
        if self._answered:
            answered, self._answered = self._answered, []
            self._go(self._write_marks(answered))

    async def _write_marks(self, answered: list[int]) -> None:
        try:
            await self._parts.db.jot(inbox.mark_answered, answered)
        except StorageUnavailable:
            log.warning("chat.not_marked", extra={"messages": len(answered)})

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("chat.bug", exc_info=task.exception())

    async def close(self, _app: web.Application) -> None:
        """Finish what was begun and write down what was answered; before the books close."""
        self._deadlines.close()
        while self._tasks or self._answered:
            self._flush()
            await asyncio.wait(self._tasks)


def _words(
    account: Listener, message: IncomingMessage, answer: OutgoingMessage | None, now: datetime
) -> bytes:
    if answer is None:
        return SUCCESS
    timestamp = int(now.timestamp())
    return account.reply(message, answer, timestamp=timestamp, nonce=secrets.token_hex(5))


def _say(reply: asyncio.Future[bytes], body: bytes) -> None:
    if not reply.done():
        reply.set_result(body)


def _pass_on(done: asyncio.Future[bytes], again: asyncio.Future[bytes]) -> None:
    if again.done():
        return
    trouble = done.exception() if not done.cancelled() else None
    if trouble is not None:
        again.set_exception(trouble)
    else:
        again.set_result(SUCCESS if done.cancelled() else done.result())
