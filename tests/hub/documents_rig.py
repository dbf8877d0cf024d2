"""Makes documents: a notice of a commune as DOCX, PDF and TXT."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from edge_agent.contract.paper import FONTS
from hub.documents.model import Extract
from hub.documents.reader import Documents

NOTICE = (
    "ỦY BAN NHÂN DÂN",
    "XÃ TÂN HỘI",
    "-------",
    "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
    "Độc lập - Tự do - Hạnh phúc",
    "---------------",
    "Số: 45/TB-UBND",
    "Tân Hội, ngày 05 tháng 6 năm 2026",
    "THÔNG BÁO",
    "Về việc tạm ngừng cấp điện để sửa chữa lưới điện",
    "Căn cứ Luật Tổ chức chính quyền địa phương ngày 16 tháng 6 năm 2025;",
    "Căn cứ Công văn số 112/ĐL-KT, Ủy ban nhân dân xã Tân Hội thông báo tạm ngừng cấp điện như sau:",
    "Kính gửi: Toàn thể nhân dân trên địa bàn xã.",
    "Để bảo đảm an toàn, đơn vị thi công sẽ cắt điện.",
    "1. Thời gian: từ 7h30 đến 11h30 ngày 08/6/2026.",
    "2. Địa điểm: thôn Đông, thôn Đoài;",
    "- Các hộ có máy móc cần tắt trước 7h00;",
    "Mọi thắc mắc xin liên hệ ông Nguyễn Văn Bình, điện thoại 0912 345 678.",
    "Nơi nhận:",
    "- Như trên;",
    "- Lưu: VT.",
    "TM. ỦY BAN NHÂN DÂN",
    "KT. CHỦ TỊCH",
    "PHÓ CHỦ TỊCH",
    "(Đã ký)",
    "Trần Thị Hoa",
)
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_FONT = FONTS / "DejaVuSansCondensed.ttf"


async def read(body: bytes, folder: Path, name: str = "notice") -> Extract:
    """What the hub reads in a file of this content."""
    path = folder / name
    path.write_bytes(body)
    return await Documents().read(path)


def docx_of(lines: Sequence[str], font: str = "", body: str = "", prolog: str = "") -> bytes:
    """A DOCX, a paragraph a line; `body`: XML instead of lines."""
    look = f'<w:rPr><w:rFonts w:ascii="{font}" w:hAnsi="{font}"/></w:rPr>' if font else ""
    paragraphs = body or "".join(f"<w:p><w:r>{look}<w:t>{escape(line)}</w:t></w:r></w:p>" for line in lines)
    document = f'<w:document xmlns:w="{_W}"><w:body>{paragraphs}</w:body></w:document>'
    xml = f'<?xml version="1.0" encoding="UTF-8"?>{prolog}{document}'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("word/document.xml", xml)
    return out.getvalue()


def pdf_of(lines: Sequence[str], font: str = "", password: str = "") -> bytes:
    """A PDF, a line a line; without lines a page with a picture only."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(TTFont("Notice", str(_FONT)))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, encrypt=password or None)
    canvas.setFont(font or "Notice", 11)
    for number, line in enumerate(lines):
        canvas.drawString(60, 780 - 16 * number, line)
    if not lines:
        canvas.rect(50, 50, 100, 100, fill=1)
    canvas.showPage()
    canvas.save()
    return out.getvalue()
