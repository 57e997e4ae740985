//! A chart as a page shows it: a sentence, the drawing, its data as a table for screen readers, and where to get them.

/// A chart with everything around it; shown by `figure.html`.
#[derive(Debug)]
pub(super) struct Figure {
    /// What the chart says.
    pub(super) sentence: String,
    /// What to know when reading it. May be empty.
    pub(super) note: String,
    /// The drawing. Trusted: only [`crate::charts`] makes it.
    pub(super) svg: String,
    /// The data, bounded.
    pub(super) table: Table,
    /// Where to get the data and the drawing.
    pub(super) links: Vec<Link>,
}

/// Rows under headings.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// Leaves out the columns in which no row has anything.
    pub(super) fn drop_empty_columns(&mut self) {
        for column in (0..self.head.len()).rev() {
            if self.rows.iter().all(|row| row.get(column).is_none_or(String::is_empty)) {
                self.head.remove(column);
                self.rows.iter_mut().filter(|row| column < row.len()).for_each(|row| drop(row.remove(column)));
            }
        }
    }
}

/// A link with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) text: String,
    pub(super) href: String,
    /// Whether it is where the reader is.
    pub(super) here: bool,
}

impl Link {
    pub(super) fn new(text: impl Into<String>, href: impl Into<String>) -> Link {
        Link { text: text.into(), href: href.into(), here: false }
    }
}
