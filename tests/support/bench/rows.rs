//! Repeated measurements, as a table and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

/// One step with all its measurements, in seconds.
#[derive(Debug)]
struct Row {
    what: String,
    note: String,
    seconds: Vec<f64>,
}

/// Rows in the order in which they were added.
#[derive(Debug, Default)]
pub struct Rows(Vec<Row>);

impl Rows {
    /// Adds a measurement to the row of this name.
    pub fn add(&mut self, what: &str, note: &str, time: Duration) {
        let seconds = time.as_secs_f64();
        eprintln!("{what}: {seconds:.2} s");
        if let Some(row) = self.0.iter_mut().find(|row| row.what == what) {
            row.seconds.push(seconds);
        } else {
            self.0.push(Row { what: what.to_owned(), note: note.to_owned(), seconds: vec![seconds] });
        }
    }

    /// Markdown.
    pub fn table(&self) -> String {
        let mut text = "| step | median, seconds | runs | least to most | note |\n| --- | --- | --- | --- | --- |\n".to_owned();
        for Row { what, note, seconds } in &self.0 {
            let (least, most) = (at(seconds, 0), at(seconds, seconds.len() - 1));
            let (median, runs) = (median(seconds), seconds.len());
            text.push_str(&format!("| {what} | {median:.2} | {runs} | {least:.2} to {most:.2} | {note} |\n"));
        }
        text
    }

    /// JSON: each row with all its seconds.
    pub fn document(&self) -> Value {
        let row = |row: &Row| json!({"what": row.what, "note": row.note, "median_seconds": median(&row.seconds), "seconds": row.seconds});
        self.0.iter().map(row).collect()
    }
}

/// The value at an index of the sorted measurements, of which there is at least one.
fn at(figures: &[f64], place: usize) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[place]
}

/// The median; for an even number of figures the mean of the two middle ones.
///
/// # Panics
/// If there are no figures.
pub fn median(figures: &[f64]) -> f64 {
    let count = figures.len();
    f64::midpoint(at(figures, (count - 1) / 2), at(figures, count / 2))
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_or_between_both() {
        assert_eq!((median(&[3.0]), median(&[9.0, 1.0, 2.0]), median(&[4.0, 1.0])), (3.0, 2.0, 2.5));
    }
}
