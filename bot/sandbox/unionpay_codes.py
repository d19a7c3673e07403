"""What UnionPay answers (respCode), and in which words."""

WORDS = {
    "00": "成功",
    "01": "交易失败。详情请咨询95516",
    "02": "系统未开放或暂时关闭，请稍后再试",
    "03": "交易通讯超时，请发起查询交易",
    "04": "交易状态未明，请查询对账结果",
    "05": "交易已受理，请稍后查询交易结果",
    "06": "系统繁忙，请稍后再试",
    "10": "报文格式错误",
    "11": "验证签名失败",
    "12": "重复交易",
    "13": "报文交易要素缺失",
    "31": "商户状态不正确",
    "32": "无此交易权限",
    "33": "交易金额超限",
    "34": "查无此交易",
    "35": "原交易不存在或状态不正确",
    "36": "与原交易信息不符",
    "37": "已超过最大查询次数或操作过于频繁",
    "38": "银联风险受限",
    "39": "交易不在受理时间范围内",
    "42": "扣款成功但交易超过规定支付时间",
    "60": "交易失败，详情请咨询您的发卡行",
    "61": "输入的卡号无效，请确认后输入",
    "63": "卡状态不正确",
    "64": "卡上的余额不足",
    "69": "您的输入超时，交易失败",
    "71": "动态口令或短信验证码校验失败",
    "98": "文件不存在",
    "99": "通用错误",
}
# The platform's own longer numbers, which stand in brackets behind the words.
LONG = {"00": "0000000", "34": "2600000"}


class AcpError(Exception):
    """The platform's refusal: its code and its words."""

    def __init__(self, code: str, detail: str = "") -> None:
        """Refuse with a code; `detail` names what was wrong."""
        super().__init__(code, detail)
        self.code, self.detail = code, detail

    @property
    def words(self) -> str:
        """The respMsg."""
        return resp_msg(self.code, self.detail)


class CardRefused(Exception):
    """The cashier will not take this payment; the text is what the payer reads."""


def resp_msg(code: str, detail: str = "") -> str:
    """Return a code's words with the long number behind them."""
    words = WORDS.get(code, WORDS["99"])
    shown = f"{words}：{detail}" if detail else words
    return f"{shown}[{LONG.get(code, code + '00000')}]"
