"""What Alipay refuses, and in which words."""

MESSAGES = {
    "10000": "Success",
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Authorization Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}

# sub_code: the code it belongs to, and what a person reads.
WORDS = {
    "isp.unknow-error": ("20000", "系统繁忙"),
    "aop.unknow-error": ("20000", "服务暂不可用"),
    "aop.invalid-app-auth-token": ("20001", "无效的应用授权令牌"),
    "isv.missing-method": ("40001", "缺少方法名参数"),
    "isv.missing-signature": ("40001", "缺少签名参数"),
    "isv.missing-signature-type": ("40001", "缺少签名类型参数"),
    "isv.missing-app-id": ("40001", "缺少appId参数"),
    "isv.missing-timestamp": ("40001", "缺少时间戳参数"),
    "isv.missing-version": ("40001", "缺少版本参数"),
    "isv.invalid-parameter": ("40002", "参数无效"),
    "isv.invalid-method": ("40002", "不存在的方法名"),
    "isv.invalid-format": ("40002", "无效的数据格式"),
    "isv.invalid-signature-type": ("40002", "无效的签名类型"),
    "isv.invalid-signature": (
        "40002",
        "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配",
    ),
    "isv.invalid-app-id": ("40002", "无效的AppID参数"),
    "isv.invalid-timestamp": ("40002", "非法的时间戳参数"),
    "isv.invalid-charset": ("40002", "字符集错误"),
    "isv.missing-signature-config": (
        "40003",
        "验签出错, 未配置对应签名算法的公钥或者证书",
    ),
    "isv.app-call-limited": ("40005", "应用调用次数超限"),
    "isv.insufficient-isv-permissions": ("40006", "ISV权限不足，建议在开发者中心检查签约是否有效"),
    "ACQ.SYSTEM_ERROR": ("40004", "系统错误"),
    "ACQ.INVALID_PARAMETER": ("40004", "参数无效"),
    "ACQ.ACCESS_FORBIDDEN": ("40004", "无权限使用接口"),
    "ACQ.TRADE_NOT_EXIST": ("40004", "交易不存在"),
    "ACQ.TRADE_HAS_SUCCESS": ("40004", "交易已被支付"),
    "ACQ.TRADE_HAS_CLOSE": ("40004", "交易已经关闭"),
    "ACQ.TRADE_HAS_FINISHED": ("40004", "交易已经完结"),
    "ACQ.TRADE_STATUS_ERROR": ("40004", "交易状态不合法"),
    "ACQ.CONTEXT_INCONSISTENT": ("40004", "交易信息被篡改"),
    "ACQ.TOTAL_FEE_EXCEED": ("40004", "订单总金额超过限额"),
    "ACQ.BUYER_ERROR": ("40004", "买家账户状态异常，无法继续交易"),
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": ("40004", "卖家余额不足"),
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": ("40004", "退款金额超限"),
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": ("40004", "退款金额无效"),
    "ACQ.DISCORDANT_REPEAT_REQUEST": ("40004", "不一致的请求"),
    "ACQ.TRADE_NOT_ALLOW_REFUND": ("40004", "当前交易不允许退款"),
    "ACQ.NOT_ALLOW_PARTIAL_REFUND": ("40004", "不支持部分退款"),
    "ACQ.REASON_TRADE_BEEN_FREEZEN": ("40004", "请求退款的交易被冻结"),
    "ACQ.BUYER_NOT_EXIST": ("40004", "买家不存在"),
    "INVAILID_ARGUMENTS": ("40004", "入参不合法"),
    "BILL_NOT_EXIST": ("40004", "账单不存在"),
    "UNKNOW_ERROR": ("40004", "未知错误"),
}


class AlipayError(Exception):
    """The platform's refusal: its two codes and its words."""

    def __init__(self, sub_code: str, words: str = "") -> None:
        """Refuse with a sub_code of `WORDS`, or with a business code that is not listed there."""
        super().__init__(sub_code, words)
        self.sub_code = sub_code
        self.code, usual = WORDS.get(sub_code, ("40004", sub_code))
        self.words = words or usual

    def answer(self) -> dict[str, str]:
        """Return the node that the merchant reads."""
        return {
            "code": self.code,
            "msg": MESSAGES[self.code],
            "sub_code": self.sub_code,
            "sub_msg": self.words,
        }
