//! A QR code for a screen: whoever links an account has the phone at hand where Plex knows them already.

use qrcode::QrCode;
use qrcode::render::svg::Color;

/// The smallest width and height, in pixels of the drawing, which scales.
const SIZE: u32 = 200;

/// `text` as a black and white QR code: an `<svg>` element that can stand in a page, with the quiet margin that cameras want. Empty
/// for a text that does not fit into a QR code (more than about 2,300 bytes).
#[must_use]
pub fn qr_svg(text: &str) -> String {
    let Ok(code) = QrCode::new(text) else { return String::new() };
    let drawing = code
        .render::<Color<'_>>()
        .quiet_zone(true)
        .min_dimensions(SIZE, SIZE)
        .dark_color(Color("#000"))
        .light_color(Color("#fff"))
        .build();
    // The declaration of a document of its own has no place in a page.
    drawing.find("<svg").map_or_else(String::new, |start| drawing.get(start..).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_one_svg_element_and_each_text_has_its_own() {
        let one = qr_svg("https://plex.tv/link/?pin=K7QX");
        assert!(one.starts_with("<svg") && one.trim_end().ends_with("</svg>"), "{one}");
        assert_eq!(one, qr_svg("https://plex.tv/link/?pin=K7QX"));
        assert_ne!(one, qr_svg("https://plex.tv/link/?pin=K7QY"));
        assert!(one.len() < 16 * 1024, "{} bytes", one.len());
        assert!(!one.contains("<script") && !one.contains("href"));
    }

    #[test]
    fn a_text_that_does_not_fit_is_no_drawing() {
        assert_eq!(qr_svg(&"x".repeat(5_000)), "");
    }
}
