//! CSV for people's spreadsheets: RFC 4180, in UTF-8 with a mark, and no cell that a spreadsheet would run.

/// Content type of an answer.
pub const CONTENT_TYPE: &str = "text/csv; charset=utf-8";
/// Begins a document: without it, spreadsheets read Bangla as Latin letters.
pub const MARK: &str = "\u{feff}";

/// One line of cells, with its end.
#[must_use]
pub fn line<S: AsRef<str>>(cells: &[S]) -> String {
    let mut out = String::new();
    for (no, cell) in cells.iter().enumerate() {
        if no > 0 {
            out.push(',');
        }
        push(&mut out, cell.as_ref());
    }
    out.push_str("\r\n");
    out
}

/// A cell in quotes where it must be. One that begins like a formula gets an apostrophe before it: a spreadsheet shows
/// the text then and runs nothing. Numbers stay numbers.
fn push(out: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) && cell.parse::<f64>().is_err();
    let quoted = formula || cell.contains([',', '"', '\r', '\n', '\t', ';']);
    if !quoted {
        return out.push_str(cell);
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&cell.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_cell_is_text_and_never_a_formula() {
        let cells = ["a", "-12.5", "=1+1", "+88017", "@x", "\tx", "say \"no\", twice", "বাংলা", ""];
        let wanted = "a,-12.5,\"'=1+1\",+88017,\"'@x\",\"'\tx\",\"say \"\"no\"\", twice\",বাংলা,\r\n";
        assert_eq!(line(&cells), wanted);
        assert_eq!(line(&["-cmd|' /C calc'!A0"]), "\"'-cmd|' /C calc'!A0\"\r\n");
    }
}
