//! Tables as kubectl prints them: columns as wide as their longest cell, three spaces between them.

/// The text of a table; the first row is the header.
pub(crate) fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("   ");
            format!("{}\n", line.trim_end())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows = [["NAME", "ROLE"], ["site-é", "client"], ["a", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(super::table(&rows), "NAME     ROLE\nsite-é   client\na\n");
    }
}
