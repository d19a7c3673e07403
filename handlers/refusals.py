"""Every refusal in Chinese: what happened, then what to do next."""

from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Final

from handlers import words as say
from storage import bank_errors as b
from storage import charge_errors as c
from storage import counter_errors as k
from storage import errors as e
from storage import tax_errors as t
from storage import ticket_errors as q
from storage import write_off_errors as w
from storage.errors import Contradiction, Refusal, Trouble, Unavailable
from storage.kinds import ChargeInput

WORDS: Final[dict[type[Trouble], str]] = {
    e.NotAnAmount: "没看懂这个金额：{text}。\n请只写数字，例如“120.50”。",
    e.NotBound: "您还没有绑定房屋，绑定以后才能查看和办理。\n"
    "请回复“绑定 房号 姓名 手机号”，例如：绑定 3-2-1201 李秀英 13800001234。",
    e.UnitNotChosen: "您绑定了几套房屋，请问要办哪一套？\n{unit_labels}\n回复前面的序号即可。",
    e.BindingMismatch: "和登记的信息没对上，可能电话换过了。\n回复“申请”，请管家核对。",
    e.BindingIncomplete: "还缺少：{missing}。\n请补充后再发送。",
    e.TooManyTries: "为了保护住户信息，核对次数太多，已暂停到{retry_at}。\n"
    "请到时再试，或者回复“人工”，请管家帮忙。",
    e.AlreadyBound: "您已经绑定了 {unit_label}，不用再绑定。\n回复“账单”可以查看待缴账单。",
    e.NothingToPay: "{unit_label} 没有待缴账单，现在不用缴费。\n回复“缴费记录”可以查看以前的缴费。",
    e.BillAlreadyPaid: "选中的账单里有一笔已经缴过了，没有重复扣款。\n回复“账单”可以查看还剩哪些。",
    e.UnknownBill: "没有找到这笔账单。\n回复“账单”可以查看您现在的待缴账单。",
    e.LinkExpired: "这个链接已经失效，没有扣款。\n请回复“缴费”，重新获取链接。",
    e.CollectionClosed: "本小区暂时不能在这里缴费：{reason}。\n没有扣款，请回复“电话”联系物业。",
    e.MixedPayees: "选中的账单由不同的公司收款：{payees}，还没有扣款。\n请分开勾选，一家一家缴。",
    e.PartNotTaken: "这次填的金额不能这样缴，还没有扣款。\n请填不超过待缴的金额，或者整笔缴清。",
    e.NothingToRefund: "{unit_label} 没有您本人可以退的缴费。\n"
    "如果是家人缴的，请由缴费的人申请；也可以回复“人工”。",
    e.RefundTooMuch: "这笔缴费最多还能退 {left_fen}。\n"
    "请回复不超过这个数的金额，或者回复“算了”取消。",
    e.RefundWindowOver: "这笔钱是{paid_on}缴的，时间太久，支付平台不能原路退回。\n"
    "请回复“人工”，请物业用别的办法处理。",
    e.RefundNotOffered: "这项费用按约定不退（{clause}），没有提交申请。\n"
    "如有特别情况，请回复“人工”。",
    e.PaymentNotSettled: "这笔钱还没有到账，所以现在不能退。\n到账后会通知您，到时再回复“退款”。",
    e.UnknownRefund: "没有找到这笔退款。\n回复“退款进度”可以查看您的退款。",
    e.RefundStateWrong: "退款 {refund_no} 已经处理过了，没有再改动。\n回复“退款进度”可以查看现状。",
    e.SelfApproval: "自己提出的事不能由自己审批。\n请另一位有权限的同事来处理。",
    e.NotAllowed: "这件事需要有权限的人来办，没有做任何改动。\n请回复“人工”，请物业帮忙。",
    e.UnknownAudience: "没看懂要发给谁：{words}。\n请写“全小区”“3栋”“3栋2单元”或“欠费住户”。",
    e.AudienceEmpty: "这个范围里没有收得到消息的住户（没有绑定，或者关了通知），没有发送。\n"
    "请换一个范围，或者打电话、张贴通知。",
    e.PrivacyLint: "群发的内容里有住户隐私：{found}，没有发送。\n请删掉以后重新发送。",
    e.UnknownVariable: "群发的内容里有不认识的“{found}”，没有发送。\n"
    "可以写｛姓名｝、｛房号｝、｛金额｝，住户各自看到自己的；其他的请去掉花括号。",
    e.PersonalInGroup: "群消息大家都看得到，不能写“{found}”，没有发送。\n请去掉以后重新发送。",
    e.UnknownBroadcast: "没有找到这条群发。\n请核对编号；回复“群发进度”查看最近的一条。",
    e.BroadcastStateWrong: "群发 {broadcast_no} 已经到了别的步骤，没有再改动。\n"
    "回复“群发进度 {broadcast_no}”查看它现在到了哪一步。",
    e.CommunitySilent: "{community_name} 的期初账还没有签字，所以暂不主动发消息。\n"
    "请经理核对并签字以后再发。",
    e.OpeningSheetDisagrees: "期初表和账上的合计对不上，没有签字：{rows}。\n请核对以后再提交。",
    q.UnknownTicket: "没有找到这件工单。\n回复“我的工单”可以查看您提过的事。",
    q.TicketStateWrong: "工单 {ticket_no} 现在不能这样办，没有改动。\n"
    "回复“我的工单”看它到了哪一步。",
    q.UrgedLately: "工单 {ticket_no} 刚催过，处理的人已经知道。\n{retry_at}以后可以再催；"
    "急事请回复“电话”。",
    q.ReopenTooLate: "工单 {ticket_no} 不能再重新处理了。\n"
    "问题还在，请再说一遍，给您开新的；或者回复“人工”。",
    q.UnknownTalk: "没有找到这位住户的人工会话，或者已经结束，没有发出。\n"
    "请核对编号；回复“工单”查看。",
    q.UnknownColleague: "没有找到这位同事，或者有同名的，没有改动。\n请写全名字再发一次。",
    e.PhrasingTaken: "“{phrasing}”已经是常见问题 {faq_no} 的问法，没有保存。\n"
    "请换一种问法，或者修改那一条。",
    e.UnknownFaq: "这个小区没有编号是 {faq_no} 的常见问题，没有改动。\n请核对编号。",
    e.TextTooLong: "内容太长，最多 {limit_chars} 个字，没有发送。\n请缩短以后再发。",
    c.TariffOverlaps: "“{fee_item}”从{taken_from_on}起已经有收费标准，没有保存。\n"
    "请换一个开始日期，或者先结束原来的标准。",
    b.UnknownBankRow: "没有找到这笔挂账，没有改动。\n回复“挂账”可以看编号。",
    b.RowTaken: "这笔款已经处理过了，没有再改动。\n回复“挂账”可以看还剩哪些。",
    t.NoTaxInvoice: "这笔缴费现在不能开发票，没有提交申请。\n"
    "押金、代收的费用和已退的钱不开发票；有疑问请回复“人工”。",
    t.TaxInvoiceTaken: "这笔缴费已经申请过发票，编号 {application_no}，没有重复提交。\n"
    "开好以后会发到这里；要改抬头请回复“人工”。",
    t.TitleRefused: "没看懂这个抬头，没有提交。\n请回复姓名或者单位全称。",
    t.TaxNoRefused: "税号 {tax_no} 不对，没有提交。\n请对照营业执照核对，再回复一次。",
    t.SpecialNeedsMore: "专用发票还要税号、地址、电话、开户银行和账号，没有提交。\n"
    "请补齐以后再申请。",
    t.UnknownTaxInvoice: "没有找到发票申请 {application_no}，没有改动。\n请核对编号。",
    t.TaxInvoiceStateWrong: "发票申请 {application_no} 已经处理过了，没有再改动。\n"
    "请核对它现在的状态。",
    t.TaxFileRefused: "这个文件不是票面文件，没有保存。\n请用 5MB 以内的票面文件。",
    e.UnknownOrder: "没有找到这笔支付，没有扣款。\n请回复“缴费”重新发起。",
    e.HandoverRefused: "这次交接还办不了，没有做任何改动。\n请核对交接单：{references}。",
    c.TariffGap: "{row}{missing_on}这一天没有收费标准，没有出账。\n请先补上这一天的收费标准。",
    c.InputMissing: "{row}缺少{what}，没有出账。\n请补上以后再试。",
    c.InputRefused: "{row}{what}不能是“{found}”，没有保存。\n请核对以后再试。",
    c.ReadingLower: "{row}读数{found}比上次的{before}还小，没有保存。\n"
    "请说明是表转满归零了，还是换了新表。",
    c.UnknownMeter: "没有找到正在使用的表{meter_no}，没有保存。\n请核对表号，或者先登记这块表。",
    c.MeterTaken: "表号{meter_no}正在使用，没有再登记一块。\n"
    "请核对表号；换表请写明旧表的最后读数。",
    c.DialUnknown: "表{meter_no}没有登记有几位数，算不出转了一圈用了多少，没有保存。\n"
    "请回复“人工”，请管家补上。",
    c.ReadingDayRefused: "{read_on}不能登记这块表的读数，没有保存。\n"
    "请核对抄表日期，不能晚于今天，也不能早于装表那天。",
    c.ReadingStands: "这一天已经登记了读数{counted}，没有再改动。\n要更正，请回复“人工”告诉管家。",
    c.UnknownReading: "这个读数已经处理过了，没有再改动。\n要重新报，请回复“报读数”。",
    c.NobodyShares: "{row}没有可以分摊的房屋，没有分摊。\n请核对分摊范围、面积和份额。",
    c.FormulaTooLong: "{row}公式太长，最多 {limit_chars} 个字，没有保存。\n请写得短一些再试。",
    c.FormulaTooDeep: "{row}公式的括号套得太深，没有保存。\n请写得简单一些再试。",
    c.FormulaNotAllowed: "{row}公式里的“{found}”不能用，没有保存。\n"
    "请只用加减乘除、括号、比较和取大取小。",
    c.FormulaUnknownName: "{row}公式里的“{found}”不知道是什么，没有保存。\n"
    "请核对名称，只用列出的项目。",
    c.FormulaDividesByZero: "{row}公式里除以了零，没有保存。\n请核对除数以后再试。",
    c.FormulaTooLarge: "{row}公式算出的数太大或太细，没有保存。\n请核对公式以后再试。",
    c.FormulaBelowZero: "{row}公式算出的金额小于零，没有保存。\n请核对公式以后再试。",
    c.WaiverTooMuch: "这笔违约金最多还能减免 {left_fen}，没有改动。\n请换一个金额再试。",
    c.ClauseMissing: "收违约金要写明是合同的哪一条，没有保存。\n请写上合同条款再试。",
    c.PeriodClosed: "{period} 已经结账，没有再出这个月的账单。\n请先由经理反结账，出完以后再结账。",
    c.PeriodNotOver: "{period} 还没有过完，没有结账。\n请到下个月再结账。",
    c.CycleBroken: "“{fee_item}”不能从{begins_on}换收费周期，这一天在上一个周期中间，没有保存。\n"
    "请从新周期的第一天起换，例如季度的第一天。",
    c.CannotReissue: "账单 {bill_no} 没有重开：现在不用收这笔费，或者已有新账单代替它。\n"
    "请核对收费标准和这户的资料。",
    e.UnknownDifference: "没有找到这件差异，可能已经处理过了。\n回复“差异”查看还有哪些。",
    c.PrepayOutOfRange: "一次可以预存 {least_fen} 到 {most_fen}。\n请回复这个范围里的金额。",
    c.PrepayNotOffered: "{item_name}现在不能这样预存，没有扣款。\n请回复“预存”重新选择。",
    c.SharingNotAllowed: "{community_name}没有登记公摊的依据，没有分摊。\n"
    "请先登记合同条款或业主决定，再来分摊。",
    c.SharedCostTaken: "{scope_label}这个月的这项费用已经分摊过，没有重复。\n要改请先取消原来的。",
    c.UnknownSharedCost: "没有找到这笔公摊：{reference}。\n请核对编号以后再试。",
    c.SharedCostStateWrong: "{scope_label}的公摊已经到了别的步骤，没有再改动。\n"
    "请查看它现在的进度。",
    c.UnknownDeposit: "没有找到这笔押金：{reference}。\n请核对账单号以后再试。",
    c.DepositTooMuch: "这笔押金最多还有 {left_fen}，没有改动。\n请核对金额以后再试。",
    c.EvidenceMissing: "押金还没有验收，或者缺少凭据和住户的同意，没有改动。\n请先补齐再试。",
    k.TooLittle: "本小区不收账单的一部分，这些账单一共 {open_fen}，没有入账。\n"
    "请收足，或者少选几笔账单。",
    k.SurplusNotSaid: "比账单多了 {surplus_fen}，没有入账。\n"
    "请核对金额；要存为预存款，请写明“预存”。",
    k.SlipMissing: "缺少单号，没有入账。\n请写上刷卡小票号、支票号和银行，或者转账回单号。",
    k.SlipTaken: "单号 {reference} 已经入过账，凭证是 {voucher_no}，没有重复入账。\n请核对单号。",
    k.DayRefused: "{day_on}不能作收款日，没有入账。\n请写今天或者以前一年里的日子。",
    k.RoundingRefused: "抹零没有办：要一次收清所选账单，最多抹 {limit_fen}。\n"
    "请核对金额；要多减，请申请减免。",
    k.RequestReused: "这一步已经入过账，凭证是 {voucher_no}，内容和这次不一样，没有改动。\n"
    "请重新打开这一户再收。",
    k.UnknownVoucher: "没有找到凭证 {voucher_no}，没有做任何改动。\n请核对凭证号。",
    k.VoucherFinal: "凭证 {voucher_no} 不能冲正了：已经日结，或者钱已经动用。\n"
    "没有改动，请改走退款。",
    k.NothingToHandIn: "没有等着日结的收款，没有交款单。\n收款以后再日结。",
    k.DayClosed: "{day_on}已经日结过，没有再改动。\n之后的收款，并到下一次日结。",
    k.UnknownSheet: "没有找到交款单 {sheet_no}，没有做任何改动。\n请核对编号。",
    k.NotWaivable: "这笔账单最多还能减免 {left_fen}，没有改动。\n请核对账单和金额，押金不能减免。",
    k.AttachmentMissing: "减免要附上证明材料，没有提交。\n请附上照片或扫描件，不超过5MB。",
    k.UnknownWaiver: "没有找到等着审批的减免 {waiver_no}，没有改动。\n"
    "请核对编号；回复“待审批”查看。",
    w.NotBadDebt: "账单 {bill_no} 不能核销，没有改动。\n"
    "只核销已到期、自己收的费用；押金、代收、续费和作废的账单不能。",
    w.NothingOwed: "账单 {bill_no} 没有欠款，不用核销，没有改动。\n请核对账单号。",
    w.BillDisputed: "账单 {bill_no} 有异议还没有答复，不能核销。\n请先答复住户，再来申请。",
    w.PaymentUnderWay: "账单 {bill_no} 有一笔支付还在进行，不能核销。\n"
    "请等它完成或者超时关闭以后再试。",
    w.DebtChanged: "这笔账单现在欠 {open_fen}，和申请时不同，没有核销。\n请重新申请。",
    w.WriteOffReasonMissing: "核销要写明原因和证据，没有提交。\n请补上以后再试。",
    w.UnknownWriteOff: "没有找到核销 {write_off_no}，或者已经处理过了，没有改动。\n请核对编号。",
    k.PayoutMissing: "缺少收款账户，没有提交。\n请写上户名、账号和开户银行。",
    k.ReasonMissing: "缺少原因，没有做任何改动。\n请写上原因再试。",
    e.GatewayUnavailable: "支付平台现在没有回应，结果还不清楚。\n"
    "请先不要重复付款，过几分钟回复“缴费成功了吗”查看。",
    e.ChannelUnavailable: "消息平台现在没有回应。\n请过几分钟再试一次。",
    e.LanguageModelUnavailable: "刚才这句话没能听明白。\n请换一种说法，或者回复“帮助”。",
    e.StorageUnavailable: "系统现在太忙，刚才这一步没有办成。\n请过一会儿再试一次。",
}
"""Trouble → what is said of it; the names in braces are its own facts."""

STAFF_WORDS: Final[dict[type[Trouble], str]] = {
    e.NotAllowed: "这件事要有权限的同事来办，没有做任何改动。\n"
    "请告诉经理；您能办的，回复“员工帮助”查看。",
    e.UnknownRefund: "没有找到这笔退款，没有做任何改动。\n"
    "请核对编号；回复“待审批”查看等着处理的退款。",
    e.RefundStateWrong: "退款 {refund_no} 已经处理过了，没有再改动。\n回复“待审批”查看还有哪些。",
    q.UnknownTalk: "没有找到这位住户的会话，或者已经结束，没有发出。\n请核对编号；回复“工单”查看。",
    q.UnknownTicket: "没有找到这件工单，没有改动。\n请核对编号；回复“工单”看等着办的。",
    q.TicketStateWrong: "工单 {ticket_no} 已经办结，没有再改动。\n回复“工单 {ticket_no}”看经过。",
    e.NothingToPay: "{unit_label} 没有待缴账单，没有入账。\n要先存起来，请写明“预存”。",
    e.BillAlreadyPaid: "选中的账单里有一笔刚刚缴清了，没有入账。\n请重新打开这一户再收。",
    e.UnknownBill: "没有找到这笔账单，没有做任何改动。\n请核对房号和账单。",
    e.CollectionClosed: "这里暂停收这种款：{reason}。\n没有入账，请换一种方式。",
    e.BindingMismatch: "手机号和绑定码没对上，没有绑定。\n"
    "请核对以后重新发送；绑定码忘了，请向登记的同事再要一个。",
    e.TooManyTries: "核对次数太多，已暂停到{retry_at}。\n请核对手机号和绑定码，到时再试。",
    c.ReadingStands: "这一天已经登记了读数{counted}，没有再改动。\n确实要改，请用“更正”。",
    c.ReadingLower: "{row}读数{found}比上次的{before}还小，没有保存。\n"
    "转满归零请选转了几圈；换了新表，请先导入新表。",
    c.UnknownReading: "这个读数已经处理过了，没有再改动。\n请看看现在的读数。",
    c.DialUnknown: "表{meter_no}没有登记有几位数，算不出转了一圈用了多少，没有保存。\n"
    "请先在水电表的表格里补上“表位数”，再导入。",
}
"""The same troubles to a member of staff at her work, where a resident's words mislead her."""

INPUTS: Final[dict[ChargeInput, str]] = {
    ChargeInput.AREA: "面积",
    ChargeInput.READING: "读数",
    ChargeInput.USAGE: "用量",
    ChargeInput.HEADS: "人数",
    ChargeInput.COUNT: "数量",
    ChargeInput.PRICE: "单价",
    ChargeInput.TIERS: "阶梯",
    ChargeInput.BOUNDS: "保底或封顶",
    ChargeInput.MULTIPLIER: "倍率",
    ChargeInput.LOSS: "损耗",
    ChargeInput.WEIGHT: "份额",
    ChargeInput.AMOUNT: "金额",
    ChargeInput.PERCENT: "比例",
    ChargeInput.FORMULA: "公式要用的数",
}
"""What a charge is worked out from, as people call it."""

CONTRADICTION: Final = (
    "这笔款项和账上的记录不一致，已交给工作人员核对，您的钱不会丢。\n"
    "有结果会通知您，也可以回复“人工”询问。"
)
STAFF_UNNAMED: Final = "这件事现在办不了，没有做任何改动。\n请告诉管电脑的同事。"
UNNAMED: Final = "这件事现在办不了，没有做任何改动。\n请回复“人工”，请物业帮忙。"


def words(trouble: Refusal | Unavailable | Contradiction) -> str:
    """Say a trouble in Chinese: what happened, then what to do next."""
    if isinstance(trouble, Contradiction):
        return CONTRADICTION
    return WORDS.get(type(trouble), UNNAMED).format(**_facts(trouble))


def words_to_staff(trouble: Refusal | Unavailable | Contradiction) -> str:
    """Say a trouble to a member of staff at her work: what happened, then what she can do."""
    if isinstance(trouble, Contradiction):
        return CONTRADICTION
    text = STAFF_WORDS.get(type(trouble)) or WORDS.get(type(trouble), STAFF_UNNAMED)
    return text.format(**_facts(trouble))


def _facts(trouble: Trouble) -> dict[str, str]:
    if not is_dataclass(trouble):
        return {}
    return {one.name: _spoken(one.name, getattr(trouble, one.name)) for one in fields(trouble)}


def _spoken(name: str, fact: object) -> str:
    if name == "row":
        return f"{say.shorten(str(fact), 40)}：" if fact else ""
    if isinstance(fact, ChargeInput):
        return INPUTS[fact]
    if isinstance(fact, tuple):
        return say.numbered(fact) if name == "unit_labels" else "、".join(map(str, fact))
    if isinstance(fact, datetime):
        return say.clock_time(fact)
    if isinstance(fact, date):
        return say.day(fact)
    if isinstance(fact, int) and name.endswith("_fen"):
        return say.money(fact)
    return say.shorten(str(fact), 40)
