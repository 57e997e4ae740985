//! CSV as RFC 4180 has it. Fields that a spreadsheet would run as a formula are defused.

/// Rows in the making.
#[derive(Debug, Default)]
pub(crate) struct Csv(String);

impl Csv {
    /// Rows under these headings.
    pub(crate) fn new(head: &[&str]) -> Csv {
        let mut csv = Csv::default();
        csv.row(head);
        csv
    }

    /// Adds a row.
    pub(crate) fn row<T: AsRef<str>>(&mut self, fields: &[T]) {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            self.field(field.as_ref());
        }
        self.0.push_str("\r\n");
    }

    fn field(&mut self, field: &str) {
        // A leading =, +, - or @ makes spreadsheets calculate; numbers may keep their sign.
        let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']) && field.parse::<f64>().is_err();
        if !formula && !field.contains(['"', ',', '\r', '\n']) {
            self.0.push_str(field);
            return;
        }
        self.0.push('"');
        if formula {
            self.0.push('\'');
        }
        self.0.push_str(&field.replace('"', "\"\""));
        self.0.push('"');
    }

    /// The text so far, leaving none behind.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stay_one_field() {
        let mut csv = Csv::new(&["a", "b"]);
        csv.row(&["1000 × 10 kB", "say \"hi\", twice\nplease"]);
        csv.row(&["-1.5", "=cmd()"]);
        assert_eq!(csv.take(), "a,b\r\n1000 × 10 kB,\"say \"\"hi\"\", twice\nplease\"\r\n-1.5,\"'=cmd()\"\r\n");
    }
}
