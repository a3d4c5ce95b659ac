"""QR codes of secrets for authenticator apps."""

import segno


def draw(text: str) -> str:
    """An SVG image on white, as a `data:` URL."""
    return str(segno.make_qr(text).svg_data_uri(scale=6, border=3, light="#fff"))
