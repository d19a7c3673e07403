"""An invoice has been issued, or taken back in red."""

from handlers import words
from handlers.notification import Notification, Telling, amount, fields
from storage.events import TaxInvoiceIssued
from storage.ports.chat import OutgoingMessage


def say(event: TaxInvoiceIssued, told: Telling) -> OutgoingMessage:
    """Tell the number, to whom it is made out, and where the file is."""
    is_red = event.amount_fen < 0
    if is_red:
        text = words.lines(
            f"{event.unit_label} 的发票已红冲 {words.money(-event.amount_fen)}，"
            f"红字发票号码 {event.tax_invoice_no}。",
            "原来的发票不能再用；要按剩下的金额重开，请回复“发票”。",
        )
    else:
        text = words.lines(
            f"{event.unit_label} 的发票已开好，{words.money(event.amount_fen)}，"
            f"号码 {event.tax_invoice_no}。",
            f"抬头：{words.shorten(event.title, 60)}。",
            "点下面的链接下载，里面有票面文件。"
            if event.file_id
            else "可以在国家税务总局的发票查验平台查到；要电子文件，请回复“人工”。",
        )
    return OutgoingMessage(
        kind="tax_invoice_issued",
        text=text,
        url=told.links.tax_file_url(event.file_id) if event.file_id and not is_red else "",
        fields=fields(
            unit=event.unit_label,
            amount=amount(abs(event.amount_fen)),
            time=f"{told.today}",
            state="发票已红冲" if is_red else "发票已开好",
            number=event.tax_invoice_no,
        ),
    )


NOTIFICATION = Notification(TaxInvoiceIssued, say)
