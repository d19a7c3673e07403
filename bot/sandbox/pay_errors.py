"""What WeChat Pay refuses, and in which words."""

from typing import Any

WORDS = {
    "SIGN_ERROR": (401, "签名错误，请检查后再试"),
    "PARAM_ERROR": (400, "参数错误"),
    "INVALID_REQUEST": (400, "请求参数不符合规则"),
    "APPID_MCHID_NOT_MATCH": (400, "appid和mch_id不匹配，请检查后再试"),
    "MCH_NOT_EXISTS": (400, "商户号不存在，请检查商户号是否正确，商户号是否以服务商模式接入"),
    "ORDER_CLOSED": (400, "该订单已关闭，请重新下单"),
    "NO_STATEMENT_EXIST": (400, "请求的账单文件不存在，请检查指定日期内是否有成功的交易"),
    "STATEMENT_CREATING": (400, "请求的账单正在生成中，请稍后再试"),
    "NO_AUTH": (403, "商户无权限"),
    "OUT_TRADE_NO_USED": (403, "201 商户订单号重复"),
    "TRADE_ERROR": (403, "交易错误"),
    "RULE_LIMIT": (403, "业务规则限制"),
    "NOT_ENOUGH": (403, "基本账户余额不足，请充值后重新发起"),
    "ORDER_NOT_EXIST": (404, "订单不存在"),
    "RESOURCE_NOT_EXISTS": (404, "查询的资源不存在"),
    "FREQUENCY_LIMITED": (429, "请求频率过高，请稍后重试"),
    "SYSTEM_ERROR": (500, "系统异常，请用相同参数重新调用"),
    "BANK_ERROR": (500, "银行系统异常"),
    "ACCOUNT_ERROR": (403, "账号异常"),
    "USER_ACCOUNT_ABNORMAL": (403, "退款请求失败，此状态代表退款申请失败，商户可自行处理退款"),
    "USER_PAYING": (202, "用户支付中，需要输入密码"),
    "OPENID_MISMATCH": (500, "openid和appid不匹配"),
}


class PayError(Exception):
    """The platform's refusal: its code, its words, and perhaps details."""

    def __init__(self, code: str, words: str = "", detail: dict[str, Any] | None = None) -> None:
        """Refuse with a code of `WORDS`."""
        super().__init__(code, words)
        self.code, self.detail = code, detail
        self.http, usual = WORDS[code]
        self.words = words or usual

    def answer(self) -> dict[str, Any]:
        """Return the JSON that the merchant reads."""
        body: dict[str, Any] = {"code": self.code, "message": self.words}
        return body | {"detail": self.detail} if self.detail else body


class PayRefused(Exception):
    """The cashier will not take this payment; the text is what the payer reads."""


def wrong_field(field: str, value: object, issue: str) -> PayError:
    """Return PARAM_ERROR about one field of the body."""
    detail = {"field": field, "value": value, "issue": issue, "location": "body"}
    return PayError("PARAM_ERROR", f"输入源“{field}”映射到值字段“{issue}”规则校验失败", detail)
