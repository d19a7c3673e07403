"""The door of the payment platforms: raw body, proof, books, and only then an answer."""

import logging
from dataclasses import replace

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts
from bot.web.reading import read_body
from handlers.webhooks.payments import Hearing, hear
from storage import crashpoints
from storage.errors import StorageUnavailable
from storage.ports.payments import PaymentGateway, WebhookRejected, WebhookReply, WebhookRequest

log = logging.getLogger(__name__)


class WebhookDoor:
    """Notifications of all payment platforms."""

    def __init__(self, parts: WebParts, _pages: Pages) -> None:
        """Stand before the gateways."""
        self._parts = parts

    async def receive(self, request: web.Request) -> web.Response:
        """Answer "heard" after the commit, "again" where nothing could be kept, else a 4xx.

        The account in the address chooses nothing: what is proved names its own merchant.
        """
        name = request.match_info["gateway"]
        gateway = self._parts.gateways.get(name)
        if gateway is None:
            return web.Response(status=404)
        body = await read_body(request)
        headers = {key.lower(): value for key, value in request.headers.items()}
        outcome, reply = await self._reply(gateway, WebhookRequest(headers, body))
        self._parts.metrics.webhooks.labels(name, outcome).inc()
        return web.Response(
            status=reply.status,
            body=reply.body,
            headers={"Content-Type": reply.content_type} if reply.body else None,
        )

    async def _reply(
        self, gateway: PaymentGateway, request: WebhookRequest
    ) -> tuple[str, WebhookReply]:
        crashpoints.reach("notice.before_verify")
        try:
            fact = gateway.read_webhook(request, now=self._parts.clock.now())
        except WebhookRejected as rejected:
            log.info("webhook.rejected", extra={"cause": rejected.cause})
            return rejected.cause, rejected.reply
        crashpoints.reach("notice.after_verify")
        try:
            hearing = await hear(fact, self._parts.handler_deps)
        except StorageUnavailable:
            log.warning("webhook.not_kept", extra={"gateway": gateway.name})
            return "not_kept", replace(gateway.ask_again(), status=503)
        crashpoints.reach("notice.before_answer")
        if hearing is Hearing.UNKNOWN:
            return "unknown", replace(gateway.ask_again(), status=404)
        return "heard", gateway.acknowledge()
