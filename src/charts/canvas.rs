//! Where plotters draws: SVG text whose colours, strokes and type are CSS classes, so that a chart follows the page's
//! light or dark theme and passes a Content-Security-Policy without inline styles. It must never write a colour, a
//! font, or text that is not escaped.
//!
//! Plotters' own SVG backend writes `fill="#…"` and `font-family`, rounds to whole pixels, and has no links and no
//! titles. This one counts in tenths of a pixel and knows the elements of [`super::element`].

use std::{convert::Infallible, fmt::Write as _};

use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, VPos},
};

/// How many of plotters' whole-numbered coordinates make one pixel.
pub(super) const TENTHS: u32 = 10;

/// Mean advance of a character and height of a line in the 11 px type of ticks, in tenths of a pixel. Used only to keep
/// labels apart, so an estimate does.
const TICK_TYPE: (u32, u32) = (60, 110);

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// SVG text in the making.
#[derive(Debug)]
pub(super) struct Canvas<'a> {
    svg: &'a mut String,
    size: (u32, u32),
}

impl<'a> Canvas<'a> {
    /// Draws into `svg`; `size` in pixels.
    pub(super) fn new(svg: &'a mut String, size: (u32, u32)) -> Canvas<'a> {
        Canvas { svg, size: (size.0 * TENTHS, size.1 * TENTHS) }
    }

    /// The text so far, to add to.
    pub(super) fn svg(&mut self) -> &mut String {
        self.svg
    }
}

/// A coordinate as SVG writes it: `12.3`, and `12` rather than `12.0`.
pub(super) struct Px(pub(super) i32);

impl std::fmt::Display for Px {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, tenths) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        match tenths % TENTHS {
            0 => write!(f, "{sign}{}", tenths / TENTHS),
            part => write!(f, "{sign}{}.{part}", tenths / TENTHS),
        }
    }
}

/// Text made safe between tags and in quoted attributes.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Control characters are not allowed in XML, however written.
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// What plotters draws by itself is the frame: grid lines, axes and tick labels.
impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    /// Nothing that charts are made of is drawn by pixels.
    fn draw_pixel(&mut self, _: BackendCoord, _: BackendColor) -> Drawn {
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        if style.color().alpha > 0.0 {
            let (x, y) = (to.0 - from.0, to.1 - from.1);
            let _ = write!(self.svg, r#"<path class="grid" d="M{} {}l{} {}"/>"#, Px(from.0), Px(from.1), Px(x), Px(y));
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let mut path = path.into_iter();
        if let Some(mut from) = path.next() {
            for to in path {
                self.draw_line(from, to, style)?;
                from = to;
            }
        }
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Drawn {
        if text.is_empty() {
            return Ok(());
        }
        let anchor = style.anchor();
        let class = match anchor.h_pos {
            HPos::Left => "tick",
            HPos::Center => "tick mid",
            HPos::Right => "tick end",
        };
        // SVG places text by its baseline; 11 px type rises about 8 px above it.
        let baseline = match anchor.v_pos {
            VPos::Top => at.1 + 90,
            VPos::Center => at.1 + 40,
            VPos::Bottom => at.1,
        };
        let (x, y) = (Px(at.0), Px(baseline));
        let _ = write!(self.svg, r#"<text class="{class}" x="{x}" y="{y}">{}</text>"#, Escaped(text));
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        _: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        Ok((characters.saturating_mul(TICK_TYPE.0), TICK_TYPE.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short() {
        let texts: Vec<String> = [0, 5, 120, 123, -7, -120].iter().map(|tenths| Px(*tenths).to_string()).collect();
        assert_eq!(texts, ["0", "0.5", "12", "12.3", "-0.7", "-12"]);
    }

    #[test]
    fn text_cannot_leave_its_place() {
        let hostile = "\"><script>alert('1')</script>&\u{7}";
        let safe = "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp; ";
        assert_eq!(Escaped(hostile).to_string(), safe);
    }
}
