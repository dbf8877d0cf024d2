"""Labels: every box once, its words as they are, and a code that a camera reads."""

import subprocess
from pathlib import Path

import cv2
from core_card import NODE, problems, run, sheet
from pypdf import PdfReader

CONSOLE = "https://xa-tan-hoi.example.vn/"


def test_each_box_has_a_label_whose_code_opens_its_page(tmp_path: Path) -> None:
    titles = ["Cụm loa thôn Đông", "Tủ đèn " + "rất dài " * 8, "Cổng làng Tây"]
    rows = [
        {**NODE, "name": f"nut-{number}", "title": titles[number % 3], "address": "Ngã ba đình", "console": CONSOLE}
        for number in range(9)
    ]
    paper = tmp_path / "labels.pdf"
    result = run(sheet(tmp_path, *rows), "--labels", paper)
    assert result.exit_code == 0, result.output
    pages = [page.extract_text() for page in PdfReader(paper).pages]
    assert len(pages) == 2  # eight a sheet
    assert all(f"https://xa-tan-hoi.example.vn/nodes/26734/nut-{number}\n" in pages[0] for number in range(8))
    assert "Cụm loa thôn" in pages[0] and "Ngã ba đình" in pages[1]
    subprocess.run(["pdftoppm", "-r", "110", "-gray", "-png", paper, tmp_path / "page"], check=True)
    found, codes, _, _ = cv2.QRCodeDetector().detectAndDecodeMulti(cv2.imread(str(tmp_path / "page-1.png")))
    assert found
    assert set(codes) == {f"https://xa-tan-hoi.example.vn/nodes/26734/nut-{number}" for number in range(8)}


def test_one_label_and_none_without_an_address(tmp_path: Path) -> None:
    path, paper = sheet(tmp_path, NODE, {**NODE, "name": "thon-tay"}), tmp_path / "one.pdf"
    assert problems(path, "--labels", paper) == {
        (2, "console", "card.console_missing"),
        (3, "console", "card.console_missing"),
    }
    assert not paper.exists()
    assert run(path, "--labels", paper, "--node", "thon-tay", "--set", f"console={CONSOLE}").exit_code == 0
    (page,) = PdfReader(paper).pages
    assert "thon-tay" in page.extract_text() and "thon-dong" not in page.extract_text()
