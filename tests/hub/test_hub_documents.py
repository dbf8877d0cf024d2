"""Notices as offices write them, and files as strangers make them: what is read, left out, proposed, refused."""

import asyncio
import io
import re
import zipfile
import zlib
from pathlib import Path

import pytest
from documents_rig import NOTICE, docx_of, pdf_of, read

from hub.documents import legacy, spoken
from hub.documents.model import DocumentError, Part, Role
from hub.documents.reader import Documents

TCVN3 = "Céng hßa x· héi chñ nghÜa ViÖt Nam\n§éc lËp - Tù do - H¹nh phóc\nMêi bµ con th«n §«ng häp lóc 7h30 ngµy 5/6."
VNI = "Coäng hoøa xaõ hoäi chuû nghóa Vieät Nam\nÑoäc laäp - Töï do - Haïnh phuùc\n"
VNI += "Môøi baø con thoân Ñoâng hoïp luùc 7h30 ngaøy 5/6."
PLAIN = "Cộng hòa xã hội chủ nghĩa Việt Nam\nĐộc lập - Tự do - Hạnh phúc\nMời bà con thôn Đông họp lúc 7h30 ngày 5/6."


async def refused(body: bytes, folder: Path, name: str = "notice") -> str:
    with pytest.raises(DocumentError) as refusal:
        await read(body, folder, name)
    return refusal.value.key


def roles(extract: object) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in extract.parts:  # type: ignore[attr-defined]
        found.setdefault(part.role.value, []).append(part.text)
    return found


@pytest.mark.parametrize("make", [lambda: "\n".join(NOTICE).encode(), lambda: docx_of(NOTICE), lambda: pdf_of(NOTICE)])
async def test_header_grounds_recipients_and_signature_are_left_out_of_an_official_notice(make, tmp_path: Path) -> None:
    found = roles(await read(make(), tmp_path))
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in found["header"]
    assert {"Số: 45/TB-UBND", "Tân Hội, ngày 05 tháng 6 năm 2026", "XÃ TÂN HỘI"} <= set(found["header"])
    assert found["subject"] == ["THÔNG BÁO", "Về việc tạm ngừng cấp điện để sửa chữa lưới điện"]
    assert len(found["grounds"]) == 2
    assert found["recipients"][0] == "Nơi nhận:"
    assert {"KT. CHỦ TỊCH", "Trần Thị Hoa"} <= set(found["signature"])
    assert found["body"][0].startswith("Ủy ban nhân dân xã Tân Hội thông báo tạm ngừng")
    assert not any("Luật" in text for text in found["body"])


async def test_draft_says_who_what_when_where_first_and_whom_to_ask_last(tmp_path: Path) -> None:
    extract = await read("\n".join(NOTICE).encode(), tmp_path)
    lines = spoken.draft(extract.parts).split("\n")
    assert lines[0] == "Kính thưa toàn thể nhân dân trên địa bàn xã!"
    assert lines[1].startswith("Ủy ban nhân dân xã Tân Hội thông báo")
    assert lines[2:4] == ["Thời gian: từ 7h30 đến 11h30 ngày 08/6/2026.", "Địa điểm: thôn Đông, thôn Đoài."]
    assert "0912 345 678" in lines[-2]
    assert spoken.title(extract.parts) == "Về việc tạm ngừng cấp điện để sửa chữa lưới điện"


async def test_draft_holds_no_number_and_no_name_that_the_notice_has_not(tmp_path: Path) -> None:
    extract = await read("\n".join(NOTICE).encode(), tmp_path)
    made, source = spoken.draft(extract.parts), extract.whole
    assert set(re.findall(r"\d+", made)) <= set(re.findall(r"\d+", source))
    ours = f"{spoken.GREETING} {spoken.THANKS} kính thưa".casefold()
    words = set(re.findall(r"\w+", source.casefold())) | set(re.findall(r"\w+", ours))
    assert set(re.findall(r"\w+", made.casefold())) <= words


async def test_invitation_without_a_header_is_spoken_as_it_is(tmp_path: Path) -> None:
    extract = await read("Mời bà con thôn Đông họp lúc 19h ngày 5/6.\n- Nội dung: thu quỹ;".encode(), tmp_path)
    assert [part.role for part in extract.parts] == [Role.BODY, Role.BODY]
    assert spoken.draft(extract.parts).split("\n")[1:3] == [
        "Mời bà con thôn Đông họp lúc 19h ngày 5/6.",
        "Nội dung: thu quỹ.",
    ]


async def test_title_letter_without_kind_uses_its_subject_line(tmp_path: Path) -> None:
    lines = [*NOTICE[:8], "V/v phun thuốc diệt muỗi", "Kính gửi: Bà con thôn Đoài", "Trạm y tế phun thuốc lúc 6h00."]
    extract = await read("\n".join(lines).encode(), tmp_path)
    made = spoken.draft(extract.parts).split("\n")
    assert made[0] == "Kính thưa bà con thôn Đoài!"
    assert made[1] == "Ủy ban nhân dân xã Tân Hội thông báo về việc phun thuốc diệt muỗi."


async def test_short_names_of_an_office_stay_as_they_are_written() -> None:
    for head, said in (
        ("BAN CHỈ HUY PCTT XÃ TÂN HỘI", "Ban chỉ huy PCTT xã Tân Hội thông báo"),
        ("BAN CHỈ HUY PCTT&TKCN", "Ban chỉ huy PCTT&TKCN thông báo"),
        ("UBND XÃ ĐẮK LẮK", "UBND xã Đắk Lắk thông báo"),
        ("BAN QLDA XÃ KRÔNG NÔ", "Ban QLDA xã Krông Nô thông báo"),
    ):
        parts = [Part(head, Role.HEADER), Part("THÔNG BÁO", Role.SUBJECT), Part("về việc cắt điện", Role.SUBJECT)]
        assert spoken.subject(parts) == f"{said} về việc cắt điện."


async def test_names_of_columns_are_not_read_out_and_numbers_in_rows_are(tmp_path: Path) -> None:
    rows = (
        ("STT", "Thôn", "Số hộ", "Địa điểm"),
        ("1", "Thôn Đông", "15", "Nhà văn hóa"),
        ("2", "Thôn Tây", "9", "Đình"),
    )
    cells = ["".join(f"<w:tc><w:p><w:r><w:t>{cell}</w:t></w:r></w:p></w:tc>" for cell in row) for row in rows]
    body = f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"
    extract = await read(docx_of([], body=body), tmp_path)
    assert roles(extract)["table"] == list(rows[0])
    assert roles(extract)["body"] == ["Thôn Đông; 15; Nhà văn hóa", "Thôn Tây; 9; Đình"]
    typed = await read("STT; Thôn; Thời gian; Địa điểm\n1. Thôn Đông: 7h00.".encode(), tmp_path)
    assert roles(typed)["table"] == ["STT; Thôn; Thời gian; Địa điểm"]


async def test_invitation_in_two_columns_of_blanks_is_read(tmp_path: Path) -> None:
    lines = (
        "  UBND XÃ TÂN HỘI              CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "     THÔN ĐÔNG                     Độc lập - Tự do - Hạnh phúc",
        "  Số: 03/GM                     Tân Hội, ngày 01 tháng 7 năm 2026",
        "                  GIẤY MỜI",
        "           Họp nhân dân thôn Đông",
        "Tới dự: Họp bàn xây dựng đường ngõ.",
        "Thời gian: 19 giờ 30, ngày 05/7/2026",
        "                                TRƯỞNG THÔN",
        "                                Lê Văn Tám",
    )
    extract = await read("\n".join(lines).encode(), tmp_path)
    found = roles(extract)
    assert (len(found["header"]), found["signature"]) == (3, ["TRƯỞNG THÔN", "Lê Văn Tám"])
    assert spoken.draft(extract.parts).split("\n")[1] == "Thôn Đông xin thông báo: giấy mời họp nhân dân thôn Đông."


async def test_tables_that_hold_header_and_signatures_are_left_out_cell_by_cell(tmp_path: Path) -> None:
    def cell(*lines: str) -> str:
        return "<w:tc>" + "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in lines) + "</w:tc>"

    def table(*cells: str) -> str:
        return f"<w:tbl><w:tr>{''.join(cells)}</w:tr></w:tbl>"

    top = table(cell("UBND XÃ TÂN HỘI", NOTICE[6]), cell(*NOTICE[3:5], NOTICE[7]))
    middle = "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in NOTICE[8:18])
    end = table(cell(*NOTICE[18:21]), cell(*NOTICE[21:]))
    extract = await read(docx_of([], body=top + middle + end), tmp_path)
    found = roles(extract)
    assert len(found["header"]) == 5
    assert (found["recipients"], found["signature"]) == (list(NOTICE[18:21]), list(NOTICE[21:]))
    # the header says UBND, the content Ủy ban nhân dân: the same office is named once
    assert spoken.draft(extract.parts).split("\n")[1].startswith("Ủy ban nhân dân xã Tân Hội thông báo tạm ngừng")


def test_old_letters_become_unicode() -> None:
    assert legacy.from_tcvn3(TCVN3) == PLAIN
    assert legacy.from_vni(VNI) == PLAIN
    assert legacy.from_tcvn3("th«ng b¸o", capitals=True) == "THÔNG BÁO"
    assert legacy.from_vni("HÖÔÙNG DAÃN ÑÖÔØNG ÑEÂ") == "HƯỚNG DẪN ĐƯỜNG ĐÊ"


@pytest.mark.parametrize(
    ("text", "code"),
    [(TCVN3, "tcvn3"), (VNI, "vni"), (PLAIN, ""), ("Le café est très bon, déjà vu à Genève.", ""), ("5/6/2026", "")],
)
def test_code_of_old_letters_is_found_out(text: str, code: str) -> None:
    assert legacy.detect(text.split("\n")) == code


@pytest.mark.parametrize(("font", "text"), [(".VnTime", TCVN3), ("VNI-Times", VNI)])
async def test_docx_in_old_fonts_is_read(font: str, text: str, tmp_path: Path) -> None:
    extract = await read(docx_of(text.split("\n"), font=font), tmp_path)
    assert extract.whole == PLAIN
    assert extract.legacy in ("tcvn3", "vni")


async def test_docx_that_mixes_an_old_font_with_unicode_is_read_run_by_run(tmp_path: Path) -> None:
    old = '<w:r><w:rPr><w:rFonts w:ascii=".VnTime"/></w:rPr><w:t>Mêi bµ con</w:t></w:r>'
    runs = f"<w:p>{old}<w:r><w:t> thôn Đông</w:t></w:r></w:p>"
    assert (await read(docx_of([], body=runs), tmp_path)).whole == "Mời bà con thôn Đông"


async def test_pdf_in_an_old_font_is_read(tmp_path: Path) -> None:
    extract = await read(pdf_of(TCVN3.split("\n"), font="Helvetica"), tmp_path)
    assert extract.legacy == "tcvn3"
    assert "Mời bà con thôn Đông họp lúc 7h30" in extract.whole


@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1258"])
async def test_txt_in_any_code_is_read(code: str, tmp_path: Path) -> None:
    import unicodedata

    text = PLAIN
    if code == "cp1258":  # Windows wrote the five tones behind their vowels
        tones = {"\u0300", "\u0301", "\u0303", "\u0309", "\u0323"}
        text = "".join(
            unicodedata.normalize("NFC", "".join(c for c in parts if c not in tones))
            + "".join(c for c in parts if c in tones)
            for parts in (unicodedata.normalize("NFD", char) for char in PLAIN)
        )
    assert (await read(text.encode(code), tmp_path)).whole == PLAIN


@pytest.mark.parametrize(("text", "code"), [(TCVN3, "tcvn3"), (VNI, "vni")])
async def test_txt_in_old_letters_is_read(text: str, code: str, tmp_path: Path) -> None:
    extract = await read(text.encode("latin-1"), tmp_path)
    assert (extract.whole, extract.legacy) == (PLAIN, code)


async def test_ending_of_the_name_means_nothing(tmp_path: Path) -> None:
    assert (await read(docx_of(["Mời bà con họp."]), tmp_path, "notice.pdf")).kind == "docx"
    assert (await read(pdf_of(["Mời bà con họp."]), tmp_path, "notice.txt")).kind == "pdf"


async def test_deleted_words_and_fields_of_a_docx_are_not_read_and_a_table_row_is_one_line(tmp_path: Path) -> None:
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    body = (
        "<w:p><w:r><w:t>Họp </w:t></w:r><w:del><w:r><w:delText>sáng</w:delText></w:r></w:del>"
        "<w:r><w:instrText>PAGE</w:instrText><w:t>chiều.</w:t></w:r></w:p>"
        f"<w:tbl><w:tr>{cell.format('Thôn Đông')}{cell.format('7h00')}</w:tr></w:tbl>"
    )
    assert (await read(docx_of([], body=body), tmp_path)).whole == "Họp chiều.\nThôn Đông; 7h00"


async def test_lines_of_a_pdf_are_put_together_and_page_numbers_dropped(tmp_path: Path) -> None:
    long = ["Ủy ban nhân dân xã mời toàn thể bà con các thôn về dự buổi họp mặt đầu năm", "tại nhà văn hóa.", "2"]
    extract = await read(pdf_of([*long]), tmp_path)
    assert extract.whole == " ".join(long[:2])


async def test_line_of_a_pdf_that_breaks_behind_a_colon_stays_with_its_sentence(tmp_path: Path) -> None:
    lines = [
        "Mời bà con mang theo sổ hộ khẩu và thẻ bảo hiểm y tế đến trạm để được hướng dẫn làm thủ tục.",
        "Liên hệ: ông Nguyễn Văn An, điện thoại 0912 345 678; hotline 19006769. Email:",
        "ubnd@xamau.gov.vn. Ban quản lý phối hợp thực hiện.",
        "Các hộ ở xa đến trước 9h00.",
    ]
    made = spoken.draft((await read(pdf_of(lines), tmp_path)).parts).split("\n")
    assert made[-2] == f"{lines[1]} {lines[2]}"
    assert made[-3] == lines[3]


def test_announced_contact_is_not_moved_before_its_announcement() -> None:
    lines = ["Xin liên hệ ông An, 0912 345 678. Email:", "ubnd@xamau.gov.vn", "Bà con đến đúng giờ."]
    made = spoken.draft([Part(line, Role.BODY) for line in lines]).split("\n")
    assert made[1:-1] == ["Bà con đến đúng giờ.", lines[0], "ubnd@xamau.gov.vn."]


async def test_script_of_a_pdf_is_neither_run_nor_read(tmp_path: Path) -> None:
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import DictionaryObject, NameObject, TextStringObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf_of(["Mời bà con họp lúc 7h."]))))
    script = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.launchURL('x');")}
    writer.root_object[NameObject("/OpenAction")] = DictionaryObject(script)
    out = io.BytesIO()
    writer.write(out)
    assert (await read(out.getvalue(), tmp_path)).whole == "Mời bà con họp lúc 7h."


async def test_hostile_and_useless_files_are_refused_by_name(tmp_path: Path) -> None:
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    outside = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    kinds = {
        "document.empty": b"  \n ",
        "document.old_word": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "document.encrypted": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60) + "EncryptedPackage".encode("utf-16-le"),
        "document.kind": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "document.damaged": b"%PDF-1.7\nno more than that",
        "document.images_only": pdf_of([]),
    }
    for key, body in kinds.items():
        assert await refused(body, tmp_path) == key
    assert await refused(docx_of(["a"])[:300], tmp_path) == "document.damaged"
    assert await refused(docx_of(["a"], prolog=entities), tmp_path) == "document.bomb"
    assert await refused(docx_of(["a"], prolog=outside), tmp_path) == "document.bomb"
    assert await refused(pdf_of(["Họp"], password="secret"), tmp_path) == "document.encrypted"
    assert await refused(b"{\\rtf1 Hop}", tmp_path) == "document.kind"


async def test_bombs_burst_in_the_child_and_the_next_file_is_read(tmp_path: Path) -> None:
    def docx_bomb() -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package, package.open("word/document.xml", "w") as part:
            part.write(b"<a>")
            for _ in range(100):
                part.write(b" " * 1_000_000)
        return out.getvalue()

    zeros = zlib.compressobj()
    packed = b"".join(zeros.compress(bytes(1_000_000)) for _ in range(300)) + zeros.flush()
    stream = b"%d 0 obj<</Length %d/Filter/FlateDecode>>stream\n" % (4, len(packed)) + packed + b"\nendstream endobj\n"
    pdf_bomb = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>endobj\n"
        + stream
        + b"trailer<</Root 1 0 R>>\n"
    )
    assert await refused(docx_bomb(), tmp_path) == "document.bomb"
    assert await refused(pdf_bomb, tmp_path) in {"document.bomb", "document.damaged", "document.images_only"}
    assert (await read("Mời bà con họp.".encode(), tmp_path)).whole == "Mời bà con họp."


async def test_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(21 * 1024 * 1024)
    with pytest.raises(DocumentError) as refusal:
        await Documents().read(path)
    assert refusal.value.key == "document.too_large"


async def test_so_many_files_wait_and_more_are_told_to_come_again(tmp_path: Path) -> None:
    path = tmp_path / "notice.txt"
    path.write_text("Mời bà con họp.")
    documents = Documents()
    answers = await asyncio.gather(*(documents.read(path) for _ in range(6)), return_exceptions=True)
    busy = [answer for answer in answers if isinstance(answer, DocumentError)]
    assert [error.key for error in busy] == ["document.busy"] * 2


def test_child_may_open_no_connection_and_start_nothing() -> None:
    import subprocess
    import sys

    attempts = (
        "import socket; socket.socket()",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.fork()",
        "open('/tmp/edge-hub-child-was-here', 'w').write('x' * 10)",
        "x = bytearray(900_000_000)",
    )
    for attempt in attempts:
        code = f"from hub.documents.child import confine\nconfine()\n{attempt}"
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert ended.returncode != 0, attempt
