"""Links that open a page without signing in: unguessable, bound to one thing, ending by day.

A token is the packed subject followed by 16 bytes of HMAC-SHA256 over purpose and subject: 128
bits that nobody can guess, nothing to look up before it is proved.
"""

import base64
import binascii
import hmac
import struct
from datetime import date, timedelta
from typing import Final

from storage.errors import LinkExpired
from storage.frozen import dataclass
from storage.periods import BillingPeriod

_MAC_BYTES: Final = 16
_PAY = struct.Struct(">QQHH")
_RECEIPT = struct.Struct(">Q")
_CLEARANCE = struct.Struct(">QQ")
_COUNTER = struct.Struct(">QH")
_STAFF = struct.Struct(">QH")
_EPOCH_DAY: Final = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class PayLink:
    """What a pay link is bound to: a unit, the viewer whose debts it shows, and a last day.

    `binding_id` 0 is the paper bill's link: it shows the unit's bills to whoever holds the paper.
    """

    unit_id: int
    binding_id: int
    link_epoch: int
    expires_on: date


@dataclass(frozen=True, slots=True)
class ClearanceLink:
    """What a letter of clearance (结清证明) is about: a unit, and who has left it."""

    unit_id: int
    resident_id: int


class Links:
    """Makes and reads tokens with one secret key of at least 32 bytes."""

    def __init__(self, secret: bytes, base_url: str) -> None:
        """Keep the key and the address that links begin with. Raises ValueError for a short key."""
        if len(secret) < 32:
            raise ValueError("the link secret needs at least 32 bytes")
        self._keyed = hmac.new(secret, digestmod="sha256")
        self._base_url = base_url.rstrip("/")

    def pay_url(self, link: PayLink) -> str:
        """Return the address of a pay page."""
        return f"{self._base_url}/pay/{self._sign(b'pay', _packed(link))}"

    def read_pay(self, token: str, *, today: date) -> PayLink:
        """Prove a pay token. Raises LinkExpired for one that is forged, foreign or over."""
        return self._read_link(b"pay", token, today)

    def statement_url(self, link: PayLink, *, first_on: date, last_on: date) -> str:
        """Return the address of a statement's page, opened at these Shanghai days.

        The days are in the open, for the holder may choose others; unit, binding, epoch and last
        day are what is signed. A pay link opens no statement, and the other way round.
        """
        token = self._sign(b"statement", _packed(link))
        days = f"from={first_on.isoformat()}&to={last_on.isoformat()}"
        return f"{self._base_url}/statements/{token}?{days}"

    def read_statement(self, token: str, *, today: date) -> PayLink:
        """Prove a statement's token. Raises LinkExpired for one that is forged, foreign or over."""
        return self._read_link(b"statement", token, today)

    def all_units_url(self, link: PayLink, *, first_on: date, last_on: date) -> str:
        """Return the address of one statement for all units of the link's holder.

        Signed for itself: who was handed one unit's statement cannot open this one with it.
        """
        token = self._sign(b"all-units", _packed(link))
        days = f"from={first_on.isoformat()}&to={last_on.isoformat()}"
        return f"{self._base_url}/statements/all/{token}?{days}"

    def read_all_units(self, token: str, *, today: date) -> PayLink:
        """Prove such a token. Raises LinkExpired for one that is forged, foreign or over."""
        return self._read_link(b"all-units", token, today)

    def refund_url(self, link: PayLink) -> str:
        """Return the address of the page on which a refund is asked for and followed."""
        return f"{self._base_url}/refunds/{self._sign(b'refund', _packed(link))}"

    def read_refund(self, token: str, *, today: date) -> PayLink:
        """Prove a refund page's token. Raises LinkExpired for one that is forged or over."""
        return self._read_link(b"refund", token, today)

    def tax_invoice_url(self, link: PayLink) -> str:
        """Return the address of the page on which a tax invoice is applied for."""
        return f"{self._base_url}/invoices/{self._sign(b'invoice', _packed(link))}"

    def read_tax_invoice(self, token: str, *, today: date) -> PayLink:
        """Prove such a page's token. Raises LinkExpired for one that is forged or over."""
        return self._read_link(b"invoice", token, today)

    def disclosure_url(self, community_id: int) -> str:
        """Return the address of a community's public page: no secret, anybody may open it."""
        return f"{self._base_url}/disclosure/{community_id}"

    def receipt_url(self, token: str) -> str:
        """Return the address of a receipt page."""
        return f"{self._base_url}/receipts/{token}"

    def receipt_token(self, payment_id: int) -> str:
        """Return the token of a payment's receipt; it does not end."""
        return self._sign(b"receipt", _RECEIPT.pack(payment_id))

    def read_receipt(self, token: str) -> int:
        """Prove a receipt token and return the payment's key. Raises LinkExpired."""
        (payment_id,) = _RECEIPT.unpack(self._prove(b"receipt", token, _RECEIPT.size))
        return int(payment_id)

    def clearance_url(self, link: ClearanceLink) -> str:
        """Return the address at which anybody who holds a letter of clearance can prove it."""
        token = self._sign(b"clearance", _CLEARANCE.pack(link.unit_id, link.resident_id))
        return f"{self._base_url}/clearances/{token}"

    def read_clearance(self, token: str) -> ClearanceLink:
        """Prove a letter's token; it does not end. Raises LinkExpired."""
        packed = self._prove(b"clearance", token, _CLEARANCE.size)
        return ClearanceLink(*_CLEARANCE.unpack(packed))

    def counter_url(self, staff_id: int, *, day: date) -> str:
        """Return the address of the counter (收款台) for one of the staff, on one Shanghai day."""
        packed = _COUNTER.pack(staff_id, (day - _EPOCH_DAY).days)
        return f"{self._base_url}/counter/{self._sign(b'counter', packed)}"

    def read_counter(self, token: str, *, today: date) -> int:
        """Prove a counter's token and return the member of staff. Raises LinkExpired."""
        packed = self._prove(b"counter", token, _COUNTER.size)
        staff_id, days = _COUNTER.unpack(packed)
        if _EPOCH_DAY + timedelta(days=days) != today:
            raise LinkExpired
        return int(staff_id)

    def console_url(self, secret: str) -> str:
        """Return the address at which a link's secret signs in to the console, once."""
        return f"{self._base_url}/console/enter/{secret}"

    def figures_url(self, community_id: int, period: BillingPeriod) -> str:
        """Return the console's page of a month's figures; it asks who comes."""
        return f"{self._base_url}/console/figures?community={community_id}&month={period}"

    def report_url(self, community_id: int, period: BillingPeriod) -> str:
        """Return the console's page of a month's-end report; it asks who comes."""
        return f"{self._base_url}/console/figures/report?community={community_id}&month={period}"

    def tax_file_url(self, key: int) -> str:
        """Return the address of an issued invoice's file."""
        return f"{self._base_url}/tax-invoices/{self._sign(b'tax', _RECEIPT.pack(key))}"

    def read_tax_file(self, token: str) -> int:
        """Prove the token of an invoice's file and return the key; it does not end.

        Raises LinkExpired.
        """
        (key,) = _RECEIPT.unpack(self._prove(b"tax", token, _RECEIPT.size))
        return int(key)

    def reconciliation_url(self, staff_id: int, *, expires_on: date) -> str:
        """Return the address of the results of reconciliation, for one member of staff."""
        packed = _STAFF.pack(staff_id, (expires_on - _EPOCH_DAY).days)
        return f"{self._base_url}/reconciliation/{self._sign(b'reconciliation', packed)}"

    def read_reconciliation(self, token: str, *, today: date) -> int:
        """Prove such a token and return the member of staff. Raises LinkExpired."""
        staff_id, days = _STAFF.unpack(self._prove(b"reconciliation", token, _STAFF.size))
        if _EPOCH_DAY + timedelta(days=days) < today:
            raise LinkExpired
        return int(staff_id)

    def staff_code(self, phone: str) -> str:
        """Return the eight digits with which somebody proves in chat that she works here.

        Derived from the key, so that it can be told again and guessed by nobody in five tries.
        """
        digest = self._mac(b"staff", phone.encode())
        return f"{int.from_bytes(digest[:8], 'big') % 100_000_000:08d}"

    def _read_link(self, purpose: bytes, token: str, today: date) -> PayLink:
        unit_id, binding_id, epoch, days = _PAY.unpack(self._prove(purpose, token, _PAY.size))
        link = PayLink(unit_id, binding_id, epoch, _EPOCH_DAY + timedelta(days=days))
        if link.expires_on < today:
            raise LinkExpired
        return link

    def _mac(self, purpose: bytes, packed: bytes) -> bytes:
        mac = self._keyed.copy()  # keyed once: a key of its own for each costs more than the sum
        mac.update(purpose + b"\0" + packed)
        return mac.digest()[:_MAC_BYTES]

    def _sign(self, purpose: bytes, packed: bytes) -> str:
        token = base64.urlsafe_b64encode(packed + self._mac(purpose, packed))
        return token.rstrip(b"=").decode()

    def _prove(self, purpose: bytes, token: str, size: int) -> bytes:
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (ValueError, binascii.Error):
            raise LinkExpired from None
        packed, mac = raw[:size], raw[size:]
        is_canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == token
        if (
            not is_canonical
            or len(packed) != size
            or not hmac.compare_digest(mac, self._mac(purpose, packed))
        ):
            raise LinkExpired
        return packed


def _packed(link: PayLink) -> bytes:
    days = (link.expires_on - _EPOCH_DAY).days
    return _PAY.pack(link.unit_id, link.binding_id, link.link_epoch & 0xFFFF, days)
