//! Names written at the ends of lines, instead of a legend, moved apart where they would overlap.

use super::{axis::Axis, element::Element};

/// A name to be placed at a value.
#[derive(Debug)]
pub(super) struct Label {
    /// The text.
    pub(super) text: String,
    /// Where its line ends.
    pub(super) end: (f64, f64),
    /// The colour of the line.
    pub(super) class: String,
}

/// The least distance between two names, in pixels.
const APART: f64 = 14.0;

/// Pixels of a character, at most on an average.
const CHARACTER: f64 = 5.8;

/// Pixels before a name.
const BEFORE: f64 = 8.0;

/// What there is for names, in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Of the plot.
    pub(super) height: f64,
    /// Beside the plot.
    pub(super) width: f64,
}

/// Pixels that the longest of the names takes next to the plot.
pub(super) fn widest(names: impl Iterator<Item = impl AsRef<str>>) -> u32 {
    let longest = names.map(|name| name.as_ref().chars().count()).max().unwrap_or(0);
    (longest as f64).mul_add(CHARACTER, BEFORE).ceil() as u32
}

/// Names at the right edge, each led to from the end of its line, and cut where there is no room for all of it.
pub(super) fn at_ends(labels: &[Label], x: &Axis, y: &Axis, room: Room) -> Vec<Element> {
    let characters = ((room.width - BEFORE) / CHARACTER).max(1.0) as usize;
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|a, b| labels[*a].end.1.total_cmp(&labels[*b].end.1));
    let wanted: Vec<f64> = order.iter().map(|index| y.fraction(y.clamp(labels[*index].end.1))).collect();
    let placed = spread(&wanted, APART / room.height);
    let mut elements = Vec::with_capacity(2 * labels.len());
    for (index, fraction) in order.into_iter().zip(placed) {
        let label = &labels[index];
        let at = (x.high, y.value(fraction));
        elements.push(Element::line(vec![label.end, at], format!("leader {}", label.class)));
        elements.push(Element::words(at, "name", shortened(&label.text, characters), (4, 4)));
    }
    elements
}

/// A name cut to the room that there is.
fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Ascending places moved by as little as keeps neighbours `apart`, and inside 0 to 1 as far as there is room.
fn spread(wanted: &[f64], apart: f64) -> Vec<f64> {
    let mut placed = wanted.to_vec();
    // Pushed up in order, then back down from the top: what remains apart stays where it wants to be.
    for index in 1..placed.len() {
        placed[index] = placed[index].max(placed[index - 1] + apart);
    }
    let mut ceiling = 1.0;
    for place in placed.iter_mut().rev() {
        *place = place.min(ceiling);
        ceiling = *place - apart;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_apart_and_stay_where_they_can() {
        let placed = spread(&[0.1, 0.5, 0.51, 0.99, 1.0], 0.1);
        assert_eq!(placed[0], 0.1);
        for pair in placed.windows(2) {
            assert!(pair[1] - pair[0] > 0.0999, "{placed:?}");
        }
        assert!(placed[4] <= 1.0);
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shortened("1000 × 10 kB", 12), "1000 × 10 kB");
        assert_eq!(shortened("1000 × 10 kB, inline", 14), "1000 × 10 kB,…");
    }
}
