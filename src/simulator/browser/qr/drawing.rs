//! An address as a QR code, drawn as one SVG path.

use qrcode::{Color, EcLevel, QrCode};

/// ISO/IEC 18004 asks for four light modules around the code.
const QUIET_ZONE: usize = 4;

/// The picture. An address too long for any code gives an empty one.
pub(super) fn draw(address: &str) -> String {
    let (width, dark) = match QrCode::with_error_correction_level(address, EcLevel::M) {
        Ok(code) => (code.width(), code.to_colors()),
        Err(_) => (1, vec![Color::Light]),
    };
    let side = width + 2 * QUIET_ZONE;
    let modules = dark.iter().enumerate().filter(|(_, color)| **color == Color::Dark);
    let path: String = modules
        .map(|(index, _)| format!("M{} {}h1v1h-1z", index % width + QUIET_ZONE, index / width + QUIET_ZONE))
        .collect();
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="560" height="560" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/><path d="{path}"/></svg>"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_10_the_drawing_has_the_modules_of_the_code() {
        let address = "http://127.0.0.1:4190/connect/confirm?uuid=0123456789abcdef";
        let code = QrCode::with_error_correction_level(address, EcLevel::M).unwrap();
        let drawn = draw(address);
        for y in 0..code.width() {
            for x in 0..code.width() {
                let module = format!("M{} {}h1", x + QUIET_ZONE, y + QUIET_ZONE);
                assert_eq!(drawn.contains(&module), code[(x, y)] == Color::Dark, "{x} {y}");
            }
        }
        assert!(draw(&"x".repeat(10_000)).contains("<svg"));
    }
}
