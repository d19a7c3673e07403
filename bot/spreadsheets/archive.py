"""Is this file a workbook that is safe to open? Looks at its table of contents only."""

import zipfile
from pathlib import Path
from typing import Final

from bot.spreadsheets.cells import WorkbookRefused

MAX_FILE_BYTES: Final = 20_000_000
MAX_UNPACKED_BYTES: Final = 50_000_000
MAX_RATIO: Final = 100
RATIO_COUNTS_FROM: Final = 1_000_000
"""Small parts of nothing but repetition are harmless; only larger ones must not be dense."""
MAX_ENTRIES: Final = 200

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_NESTED: Final = (".zip", ".xlsx", ".xlsm", ".docx", ".gz", ".7z", ".rar")
_SAVE_AS: Final = "请用 Excel 或 WPS 打开，另存为“Excel 工作簿 (*.xlsx)”后重试"


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file of a modest size. Raises WorkbookRefused."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
    except OSError:
        raise WorkbookRefused(f"打不开文件 {path.name}，请检查路径") from None
    if size == 0:
        raise WorkbookRefused("文件是空的，请重新导出")
    if size > MAX_FILE_BYTES:
        raise WorkbookRefused("文件超过 20 MB，请拆成几个文件")
    return head


def is_old(head: bytes) -> bool:
    """Tell whether a file that begins so is an .xls workbook (or one with a password)."""
    return head.startswith(_OLE)


def inspect(path: Path) -> None:
    """Refuse what is not a modest .xlsx file. Raises WorkbookRefused."""
    head = head_of(path)
    if is_old(head):
        raise WorkbookRefused(f"文件加了密码，或是旧版 .xls 格式；{_SAVE_AS}（不设密码）")
    if not head.startswith(b"PK"):
        raise WorkbookRefused(f"不是 .xlsx 文件（可能是 CSV 或改了后缀名）；{_SAVE_AS}")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise WorkbookRefused("文件已损坏或没有传完整，请重新导出或重新上传") from None
    _inspect_entries(entries)


def _inspect_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise WorkbookRefused("文件里的工作表或部件太多，请只保留要导入的工作表")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise WorkbookRefused("文件展开后超过 50 MB，请拆成几个文件")
    for entry in entries:
        _inspect_entry(entry)
    names = {entry.filename for entry in entries}
    if len(names) != len(entries):
        raise WorkbookRefused("文件已损坏（有重名的部件），请重新导出")
    if "xl/workbook.xml" not in names:
        raise WorkbookRefused(f"文件里没有工作簿；{_SAVE_AS}")


def _inspect_entry(entry: zipfile.ZipInfo) -> None:
    is_dense = entry.file_size > MAX_RATIO * max(entry.compress_size, 1)
    if is_dense and entry.file_size > RATIO_COUNTS_FROM:
        raise WorkbookRefused("文件压缩得异常紧密，像是恶意文件，已拒绝")
    if entry.flag_bits & 0x1:
        raise WorkbookRefused(f"文件加了密码；{_SAVE_AS}（不设密码）")
    if entry.filename.lower().endswith(_NESTED):
        raise WorkbookRefused("文件里还套着别的压缩文件，已拒绝；请只保留表格")
