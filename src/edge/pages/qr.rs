//! An address as a QR code, drawn as one SVG path.

use qrcode::{Color, EcLevel, QrCode, Version};

/// A drawing of square modules, quiet zone included.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Drawing {
    /// Modules per side: the `viewBox`.
    pub(super) modules: usize,
    /// CSS pixels per side: a whole number per module, so that edges stay sharp.
    pub(super) pixels: usize,
    /// The `d` of a path with a stroke one module wide.
    pub(super) path: String,
}

/// ISO/IEC 18004 asks for four light modules around the code.
const QUIET_ZONE: usize = 4;

/// 97 modules a side. What is denser, a phone can hardly read from a screen, and its drawing outgrows the page.
const DENSEST: i16 = 20;

/// Big enough to be scanned from an arm's length.
const MIN_PIXELS: usize = 216;

/// `None` where the address is too long for a code that a phone can read.
pub(super) fn draw(address: &str) -> Option<Drawing> {
    let code = QrCode::with_error_correction_level(address, EcLevel::M).ok()?;
    if !matches!(code.version(), Version::Normal(..=DENSEST)) {
        return None;
    }
    let modules = code.width() + 2 * QUIET_ZONE;
    let path = code.to_colors().chunks_exact(code.width()).enumerate().map(|(y, row)| dark_runs(row, y)).collect();
    Some(Drawing { modules, pixels: modules * MIN_PIXELS.div_ceil(modules), path })
}

/// One horizontal stroke per run of dark modules, through the middle of its row.
fn dark_runs(row: &[Color], y: usize) -> String {
    let mut strokes = String::new();
    let mut x = QUIET_ZONE;
    for run in row.chunk_by(PartialEq::eq) {
        if run[0] == Color::Dark {
            strokes += &format!("M{x} {}.5h{}", y + QUIET_ZONE, run.len());
        }
        x += run.len();
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a drawing back into modules.
    fn modules(drawing: &Drawing) -> Vec<Vec<bool>> {
        let mut grid = vec![vec![false; drawing.modules]; drawing.modules];
        for stroke in drawing.path.split('M').skip(1) {
            let (x, rest) = stroke.split_once(' ').expect("x");
            let (y, length) = rest.split_once(".5h").expect("y and length");
            let [x, y, length]: [usize; 3] = [x, y, length].map(|number| number.parse().expect("a number"));
            grid[y][x..x + length].fill(true);
        }
        grid
    }

    #[test]
    fn the_drawing_shows_every_module_of_the_code() {
        let address = "https://m.example.com/shop/item?id=42&from=手机";
        let drawing = draw(address).expect("short enough");
        let code = QrCode::with_error_correction_level(address, EcLevel::M).expect("short enough");
        let grid = modules(&drawing);
        assert_eq!(drawing.modules, code.width() + 8);
        assert_eq!(drawing.pixels % drawing.modules, 0);
        for (y, row) in grid.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                let inside = (4..4 + code.width()).contains(&x) && (4..4 + code.width()).contains(&y);
                let expected = inside && code[(x - 4, y - 4)] == Color::Dark;
                assert_eq!(*dark, expected, "module {x},{y}");
            }
        }
    }

    #[test]
    fn what_a_phone_cannot_read_is_not_drawn() {
        // Version 20 at level M holds 666 bytes (ISO/IEC 18004, table 7).
        assert!(draw(&"é".repeat(333)).is_some());
        assert_eq!(draw(&"é".repeat(334)), None);
        assert_eq!(draw(&"é".repeat(40_000)), None);
    }
}
