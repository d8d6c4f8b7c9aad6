//! Promises about speed and memory, and whether they were kept.

use serde_json::{Value, json};

/// One promise, with the measured figure.
#[derive(Debug)]
pub struct Promise {
    /// What is promised.
    pub text: &'static str,
    target: String,
    measured: String,
    met: bool,
}

impl Promise {
    /// A figure that must not be below the target.
    pub fn at_least(text: &'static str, measured: f64, target: f64) -> Self {
        Self { text, target: format!("at least {target}"), measured: format!("{measured:.1}"), met: measured >= target }
    }

    /// A figure that must not be above the target.
    pub fn at_most(text: &'static str, measured: f64, target: f64) -> Self {
        Self { text, target: format!("at most {target}"), measured: format!("{measured:.2}"), met: measured <= target }
    }

    /// A figure that must be below the target.
    pub fn below(text: &'static str, measured: f64, target: f64) -> Self {
        Self { text, target: format!("below {target}"), measured: format!("{measured:.2}"), met: measured < target }
    }

    /// Whether it was kept; false for a number that is none.
    pub fn is_met(&self) -> bool {
        self.met
    }

    /// A line for a terminal.
    pub fn line(&self) -> String {
        format!("{} {:<70} {:>8} ({})", self.verdict("MISSED"), self.text, self.measured, self.target)
    }

    /// A table in Markdown, after what stands before it.
    pub fn table(promises: &[Self]) -> String {
        let rows: String = promises.iter().map(Self::row).collect();
        format!("\n| promise | target | measured | |\n| --- | --- | --- | --- |\n{rows}")
    }

    /// What is promised, the target, the figure, the verdict.
    fn row(&self) -> String {
        format!("| {} | {} | {} | {} |\n", self.text, self.target, self.measured, self.verdict("**missed**").trim_end())
    }

    /// The promise as JSON.
    pub fn document(&self) -> Value {
        json!({"promise": self.text, "target": self.target, "measured": self.measured, "met": self.met})
    }

    fn verdict(&self, missed: &'static str) -> &'static str {
        if self.met { "met   " } else { missed }
    }
}

#[cfg(test)]
mod tests {
    use super::Promise;

    #[test]
    fn a_promise_is_met_on_its_own_side_of_the_target_and_never_by_what_is_no_number() {
        assert!(Promise::at_least("", 8.0, 8.0).is_met() && !Promise::at_least("", 7.99, 8.0).is_met());
        assert!(Promise::at_most("", 3.0, 3.0).is_met() && !Promise::at_most("", 3.01, 3.0).is_met());
        assert!(Promise::below("", 1.99, 2.0).is_met() && !Promise::below("", 2.0, 2.0).is_met());
        let none = f64::NAN;
        assert!(
            [Promise::at_least("", none, 8.0), Promise::at_most("", none, 3.0), Promise::below("", none, 2.0)]
                .iter()
                .all(|promise| !promise.is_met())
        );
    }
}
