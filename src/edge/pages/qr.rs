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

/// 89 modules a side. What is denser, a phone can hardly read from a screen, and its drawing outgrows the page.
const DENSEST: i16 = 18;

/// Big enough to be scanned from an arm's length.
const MIN_PIXELS: usize = 216;

/// `None` where the address is too long for a code that a phone can read.
pub(super) fn draw(address: &str) -> Option<Drawing> {
    let code = QrCode::with_error_correction_level(address, EcLevel::M).ok()?;
    if !matches!(code.version(), Version::Normal(..=DENSEST)) {
        return None;
    }
    let modules = code.width() + 2 * QUIET_ZONE;
    let path = code.to_colors().chunks_exact(code.width()).enumerate().map(|(y, row)| strokes(row, y)).collect();
    Some(Drawing { modules, pixels: modules * MIN_PIXELS.div_ceil(modules), path })
}

/// One horizontal stroke per run of dark modules, through the middle of the row; light runs are jumped over.
fn strokes(row: &[Color], y: usize) -> String {
    let mut path = format!("M{QUIET_ZONE} {}.5", y + QUIET_ZONE);
    for run in row.chunk_by(PartialEq::eq) {
        path += &match run[0] {
            Color::Dark => format!("h{}", run.len()),
            Color::Light => format!("m{} 0", run.len()),
        };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a drawing back into modules.
    fn modules(drawing: &Drawing) -> Vec<Vec<bool>> {
        let mut grid = vec![vec![false; drawing.modules]; drawing.modules];
        for row in drawing.path.split('M').skip(1) {
            let start = row.find(['h', 'm']).expect("every row has a run");
            let (x, y) = row[..start].split_once(' ').expect("a start");
            let y: usize = y.strip_suffix(".5").expect("the middle of a row").parse().expect("a number");
            let mut x: usize = x.parse().expect("a number");
            for run in row[start..].split_inclusive(['h', 'm']).collect::<Vec<_>>().windows(2) {
                let length: usize =
                    run[1].trim_end_matches(['h', 'm']).trim_end_matches(" 0").parse().expect("a number");
                if run[0].ends_with('h') {
                    grid[y][x..x + length].fill(true);
                }
                x += length;
            }
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
        // Version 18 at level M holds 560 bytes (ISO/IEC 18004, table 7).
        assert!(draw(&"é".repeat(280)).is_some());
        assert_eq!(draw(&"é".repeat(281)), None);
        assert_eq!(draw(&"é".repeat(40_000)), None);
    }
}
