//! Plain tables: columns as wide as their widest cell, measured in characters.

/// Lines of a table. The first row is the head; `right` says which columns are aligned to the right.
pub fn columns(rows: &[Vec<String>], right: &[bool]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let pad = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            if right.get(column).copied().unwrap_or(false) { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_line_up_by_characters() {
        let rows =
            [["case", "wall"], ["10 × 1 MB", "4.8 ms"], ["x", "12.25 ms"]].map(|row| row.map(str::to_owned).to_vec());
        let expected = "case           wall\n10 × 1 MB    4.8 ms\nx          12.25 ms\n";
        assert_eq!(columns(&rows, &[false, true]), expected);
    }
}
