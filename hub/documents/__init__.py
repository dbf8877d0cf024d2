"""Official notices (DOCX, PDF, TXT) as plain paragraphs, and a spoken draft made of them by rules."""
