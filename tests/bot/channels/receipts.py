"""One message that the tests send, and impatience to send it with."""

from bot.channels.exchange import Patience
from bot.channels.wechat_official import WechatOfficial
from storage.ports.chat import Attempt, OutgoingMessage, Route
from tests.bot.channels.pushed import OPENID

RECEIPT = OutgoingMessage(
    "PaymentSettled",
    "收到您的缴费 ¥580.00。",
    url="https://pay.test/receipts/abc",
    fields={"unit": "3栋2单元501", "amount": "¥1,580.00", "unused": "x"},
)
BRIEF = Patience(connect=0.2, answer=0.05, delivery=0.5)


async def sent(
    account: WechatOfficial, route: Route = Route.CUSTOM, message: OutgoingMessage = RECEIPT
) -> Attempt:
    return await account.send(OPENID, message, route, delivery_id="D1")
