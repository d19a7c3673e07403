"""What the bank refuses, and in which words."""

WORDS = {
    "SIGN_ERROR": (401, "签名错误"),
    "TIMESTAMP_ERROR": (401, "时间戳与银行时间相差超过五分钟"),
    "NONCE_USED": (401, "请求重复"),
    "ACCOUNT_ERROR": (403, "账号不存在或未开通银企直联"),
    "PARAM_ERROR": (400, "参数错误"),
    "CURSOR_ERROR": (400, "游标不存在"),
    "PAYOUT_NO_USED": (409, "付款编号已用于另一笔付款"),
    "INSUFFICIENT_FUNDS": (403, "账户余额不足"),
    "ORIGINAL_NOT_FOUND": (404, "原来账流水不存在"),
    "PAYOUT_NOT_FOUND": (404, "付款不存在"),
    "STATEMENT_NOT_READY": (409, "该日对账单尚未生成"),
    "LAYOUT_ERROR": (400, "没有这种对账单格式"),
    "NOT_FOUND": (404, "接口不存在"),
    "TOO_FREQUENT": (429, "请求过于频繁"),
    "SYSTEM_ERROR": (500, "系统繁忙，请稍后查询结果"),
}


class BankRefused(Exception):
    """The bank's refusal: its code, and its words."""

    def __init__(self, code: str, words: str = "") -> None:
        """Refuse with a code of `WORDS`."""
        super().__init__(code, words)
        self.code = code
        self.http, usual = WORDS[code]
        self.words = words or usual

    def answer(self) -> dict[str, str]:
        """Return the JSON that the merchant reads."""
        return {"code": self.code, "message": self.words}
