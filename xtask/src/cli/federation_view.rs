//! The progress of a federation: a live table on a terminal, otherwise a line for each step; and the table of the result.

use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    context::Context,
    output::{Format, printable, table, write_to_stderr},
    pipeline::up::{State, Step, Steps},
};

/// The view of the progress.
pub(super) struct FederationView {
    /// One row for each participant; none if lines are printed.
    rows: Vec<ProgressBar>,
    /// Keeps the rows together.
    _table: Option<MultiProgress>,
    names: Vec<String>,
    /// Whether lines are printed.
    lines: bool,
    /// The last printed line of each participant.
    last: Mutex<Vec<Steps>>,
}

impl FederationView {
    /// A view of this number of participants.
    pub(super) fn begin(context: &Context<'_>, names: &[&str]) -> Self {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        let names: Vec<String> = names.iter().map(|name| format!("{:width$}", printable(name))).collect();
        let live = context.environment.stderr_is_terminal && !context.shared.quiet && context.shared.format != Format::Json;
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let table = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template("{prefix}   {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let row = |name: &String| {
            let bar = table.add(ProgressBar::new_spinner().with_style(style.clone()));
            bar.set_prefix(name.clone());
            bar.set_message(row(Steps::default(), ""));
            bar
        };
        let rows = if live { names.iter().map(row).collect() } else { Vec::new() };
        let last = Mutex::new(vec![Steps::default(); names.len()]);
        Self { rows, _table: live.then_some(table), lines: !live && !context.shared.quiet, names, last }
    }

    /// Shows the progress of a participant.
    pub(super) fn show(&self, number: usize, steps: Steps, words: &str) {
        if let Some(bar) = self.rows.get(number) {
            bar.set_message(row(steps, &printable(words)));
            return;
        }
        if let (true, Ok(mut last)) = (self.lines, self.last.lock()) {
            for step in Step::ALL {
                let (before, now) = (last[number].get(step), steps.get(step));
                if before != now {
                    let name = self.names[number].trim_end();
                    write_to_stderr(&format!("{name}: {} {}\n", step.as_str(), now.as_str()));
                }
            }
            last[number] = steps;
        }
    }

    /// Removes the live table.
    pub(super) fn end(self) {
        for bar in self.rows {
            bar.finish_and_clear();
        }
    }
}

/// A row of the live table: the state of each step, and the current activity.
fn row(steps: Steps, words: &str) -> String {
    let cells = Step::ALL.map(|step| format!("{} {:9}", step.as_str(), mark(steps.get(step))));
    format!("{} {words}", cells.join("  "))
}

fn mark(state: State) -> &'static str {
    match state {
        State::NotBegun => "-",
        State::Running => "...",
        other => other.as_str(),
    }
}

/// The table of the result: name, role and steps of each participant.
pub(super) fn shown<'row>(rows: impl IntoIterator<Item = (&'row str, String, Steps)>) -> String {
    let head = ["NAME", "ROLE", "PREPARE", "STAGE", "INSTALL", "VERIFY"].map(str::to_owned);
    let rows = rows.into_iter().map(|(name, role, steps)| {
        let [prepare, stage, install, verify] = Step::ALL.map(|step| mark(steps.get(step)).to_owned());
        [printable(name).into_owned(), role, prepare, stage, install, verify]
    });
    table(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_each_step_of_each() {
        let mut steps = Steps::default();
        steps.set(Step::Prepare, State::Unchanged);
        steps.set(Step::Stage, State::Done);
        steps.set(Step::Install, State::Failed);
        let rows = [("server1", "server".to_owned(), steps), ("s", "client".to_owned(), Steps::default())];
        assert_eq!(
            shown(rows),
            "NAME      ROLE     PREPARE     STAGE   INSTALL   VERIFY\nserver1   server   unchanged   done    failed    -\ns         client   -           -       -         -\n"
        );
    }
}
