//! A QR code as a picture within a page.

use std::fmt::Write as _;

use maud::{Markup, html};
use qrcode::{Color, QrCode};

/// Light modules around the code, without which readers do not find it.
const MARGIN: usize = 4;

/// The code of a text; nothing if the text is too long for one.
pub(super) fn svg(text: &str, label: &str) -> Markup {
    let Ok(code) = QrCode::new(text) else { return html! {} };
    let width = code.width();
    let mut dark = String::new();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (index % width + MARGIN, index / width + MARGIN);
            // Writing to a string cannot fail.
            let _ = write!(dark, "M{x} {y}h1v1h-1z");
        }
    }
    let side = width + 2 * MARGIN;
    html! {
        svg .qr role="img" aria-label=(label) viewBox={ "0 0 " (side) " " (side) } {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(dark) fill="#000" shape-rendering="crispEdges" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_corner_and_its_size() {
        let markup = svg("otpauth://totp/durward:ana?secret=ABC", "Code").into_string();
        // The corner of a code is a square of seven modules.
        for x in MARGIN..MARGIN + 7 {
            assert!(markup.contains(&format!("M{x} {MARGIN}h1v1h-1z")), "{x}");
        }
        assert!(!markup.contains(&format!("M{} {MARGIN}h1", MARGIN + 7)));
        assert!(svg(&"x".repeat(5000), "Code").into_string().is_empty());
    }
}
