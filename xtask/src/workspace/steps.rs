//! The steps of `test` and `ci`: each one runs even if another one failed, and the end lists them all with their times.

use std::time::{Duration, Instant};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde_json::{Value, json};

use crate::output::{Failure, Outcome, VerbResult, write_to_stderr};

/// The results of the steps so far.
#[derive(Debug)]
pub(crate) struct Steps {
    began: Instant,
    list: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    seconds: u64,
    status: Status,
}

#[derive(Debug)]
enum Status {
    Done,
    Failed(Faults),
    /// The step was not run, for this reason.
    NotRun(String),
}

#[expect(clippy::disallowed_methods, reason = "people are told how long each step took")]
fn now() -> Instant {
    Instant::now()
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { began: now(), list: Vec::new() }
    }

    /// Runs a step; `None` if it failed, which is reported at once and listed at the end.
    ///
    /// # Errors
    /// The step was interrupted, which ends the run.
    pub(crate) fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T, Faults>) -> Result<Option<T>, Faults> {
        let began = now();
        let result = work();
        let (value, status) = match result {
            Ok(value) => (Some(value), Status::Done),
            Err(faults) if faults.all().iter().any(|fault| fault.code == Code::Interrupted) => return Err(faults),
            Err(faults) => {
                write_to_stderr(&format!("failed: {name}: {}\nthe other steps go on\n", faults.first()));
                (None, Status::Failed(faults))
            }
        };
        self.list.push(Step { name: name.to_owned(), seconds: began.elapsed().as_secs(), status });
        Ok(value)
    }

    /// Lists a step that is skipped, because of an earlier failure or because it was not requested.
    pub(crate) fn leave_out(&mut self, name: &str, because: impl Into<String>) {
        self.list.push(Step { name: name.to_owned(), seconds: 0, status: Status::NotRun(because.into()) });
    }

    /// Adds the steps that another process reported, in the format of [`Self::data`]; the names get a prefix.
    pub(crate) fn take_over(&mut self, prefix: &str, data: &Value) {
        let text = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
        for step in data["steps"].as_array().into_iter().flatten() {
            let name = format!("{prefix}{}", text(step, "name"));
            let status = match step["status"].as_str() {
                Some("done") => Status::Done,
                Some("not run") => Status::NotRun(text(step, "reason")),
                _ => Status::Failed(
                    Diagnostic::error(Code::CheckFailed, text(step, "reason")).hint("its own messages stand above").into(),
                ),
            };
            self.list.push(Step { name, seconds: step["seconds"].as_u64().unwrap_or_default(), status });
        }
    }

    /// Ends the run: returns the table, and an error for each step that failed.
    pub(crate) fn end(self) -> VerbResult {
        let took = self.began.elapsed();
        let outcome = Outcome { data: json!({ "steps": self.data() }), text: self.table(took), warnings: Vec::new() };
        let errors: Vec<_> = self.list.iter().filter_map(Step::error).collect();
        match Faults::from_list(errors) {
            None => Ok(outcome),
            Some(faults) => Err(Failure { faults, shown: Some(Box::new(outcome)) }),
        }
    }

    fn data(&self) -> Vec<Value> {
        self.list.iter().map(Step::data).collect()
    }

    fn table(&self, took: Duration) -> String {
        let rows: String = self.list.iter().map(Step::row).collect();
        format!("\n{rows}{:>8}  all\n", time(took.as_secs()))
    }
}

impl Step {
    fn word(&self) -> &'static str {
        match self.status {
            Status::Done => "done",
            Status::Failed(_) => "failed",
            Status::NotRun(_) => "not run",
        }
    }

    fn reason(&self) -> Option<String> {
        match &self.status {
            Status::Done => None,
            Status::Failed(faults) => Some(faults.first().message.clone()),
            Status::NotRun(because) => Some(because.clone()),
        }
    }

    fn data(&self) -> Value {
        let mut data = json!({ "name": self.name, "status": self.word(), "seconds": self.seconds });
        if let Some(reason) = self.reason() {
            data["reason"] = json!(reason);
        }
        data
    }

    fn row(&self) -> String {
        let reason = self.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
        let took = if matches!(self.status, Status::NotRun(_)) { "-".to_owned() } else { time(self.seconds) };
        format!("{took:>8}  {:<7}  {}{reason}\n", self.word(), self.name)
    }

    fn error(&self) -> Option<Diagnostic> {
        let Status::Failed(faults) = &self.status else { return None };
        let mut error = faults.first().clone();
        error.message = format!("{}: {}", self.name, error.message);
        Some(error)
    }
}

/// Minutes and seconds.
fn time(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use flare_diagnostic::{Code, Diagnostic};

    use super::Steps;
    use crate::interrupt::interrupted;

    fn fault(text: &str) -> Diagnostic {
        Diagnostic::error(Code::ToolFailed, text).hint("look above")
    }

    #[test]
    fn a_failed_step_is_an_error_at_the_end_and_the_others_are_run() {
        let mut steps = Steps::new();
        assert_eq!(steps.run("format", || Ok(1)).unwrap(), Some(1));
        assert_eq!(steps.run("lints", || Err::<(), _>(fault("clippy").into())).unwrap(), None);
        assert_eq!(steps.run("tests", || Err::<(), _>(fault("two tests").into())).unwrap(), None);
        assert_eq!(steps.run("doc tests", || Ok(2)).unwrap(), Some(2));
        steps.leave_out("tests on a cluster", "the cluster did not start");
        let failure = steps.end().unwrap_err();
        let messages: Vec<_> = failure.faults.all().iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(messages, ["lints: clippy", "tests: two tests"]);
        let shown = failure.shown.unwrap();
        let statuses: Vec<_> =
            shown.data["steps"].as_array().unwrap().iter().map(|step| step["status"].as_str().unwrap()).collect();
        assert_eq!(statuses, ["done", "failed", "failed", "done", "not run"]);
        assert!(shown.text.contains("not run  tests on a cluster: the cluster did not start"), "{}", shown.text);
    }

    #[test]
    fn an_interruption_ends_the_run_at_once() {
        let mut steps = Steps::new();
        let ended = steps.run("tests", || Err::<(), _>(interrupted().into()));
        assert_eq!(ended.unwrap_err().first().code, Code::Interrupted);
    }

    #[test]
    fn the_steps_of_another_process_keep_their_ends() {
        let mut inner = Steps::new();
        inner.run("format", || Ok(())).unwrap();
        inner.run("lints", || Err::<(), _>(fault("clippy").into())).unwrap();
        inner.leave_out("tests", "none");
        let data = inner.end().unwrap_err().shown.unwrap().data;
        let mut outer = Steps::new();
        outer.take_over("ci: ", &data);
        let failure = outer.end().unwrap_err();
        assert_eq!(failure.faults.all().len(), 1);
        assert_eq!(failure.faults.first().message, "ci: lints: clippy");
        assert_eq!(
            failure.shown.unwrap().data["steps"][2],
            serde_json::json!({ "name": "ci: tests", "status": "not run", "seconds": 0, "reason": "none" })
        );
    }
}
