//! A chart as a page shows it: a sentence, the drawing, its data as a table for screen readers, and where to get them.

/// A chart with everything around it; shown by `figure.html`.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What the chart says.
    pub(crate) sentence: String,
    /// What to know when reading it. May be empty.
    pub(crate) note: String,
    /// The drawing. Trusted: only [`crate::charts`] makes it.
    pub(crate) svg: String,
    /// The data, bounded.
    pub(crate) table: Table,
    /// Where to get the data and the drawing.
    pub(crate) links: Vec<Link>,
}

/// Rows under headings.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Leaves out the columns in which no row has anything.
    pub(crate) fn drop_empty_columns(&mut self) {
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
pub(crate) struct Link {
    pub(crate) text: String,
    pub(crate) href: String,
    /// Whether it is where the reader is.
    pub(crate) here: bool,
}

impl Link {
    pub(crate) fn new(text: impl Into<String>, href: impl Into<String>) -> Link {
        Link { text: text.into(), href: href.into(), here: false }
    }
}
