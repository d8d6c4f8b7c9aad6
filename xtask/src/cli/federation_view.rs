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
    /// The names of the columns; none if lines are printed.
    head: Option<ProgressBar>,
    /// One row for each participant; none if lines are printed.
    rows: Vec<ProgressBar>,
    /// Keeps the rows together.
    _table: Option<MultiProgress>,
    names: Vec<String>,
    /// The width of their column.
    width: usize,
    /// Whether lines are printed.
    lines: bool,
    /// The last printed line of each participant.
    last: Mutex<Vec<Steps>>,
}

impl FederationView {
    /// A view of this number of participants.
    pub(super) fn begin(context: &Context<'_>, names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| printable(name).into_owned()).collect();
        let live = context.environment.stderr_is_terminal && !context.shared.quiet && context.shared.format != Format::Json;
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let table = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default().clamp(HEAD.len(), WIDEST_NAME);
        let add = |text: String| {
            let bar = table.add(ProgressBar::new_spinner().with_style(style.clone()));
            bar.set_message(text);
            bar
        };
        let head = live.then(|| add(head(width)));
        let rows = if live { names.iter().map(|name| add(row(name, width, Steps::default(), ""))).collect() } else { Vec::new() };
        let last = Mutex::new(vec![Steps::default(); names.len()]);
        Self { head, rows, width, _table: live.then_some(table), lines: !live && !context.shared.quiet, names, last }
    }

    /// Shows the progress of a participant.
    pub(super) fn show(&self, number: usize, steps: Steps, words: &str) {
        if let Some(bar) = self.rows.get(number) {
            bar.set_message(row(&self.names[number], self.width, steps, &printable(words)));
            return;
        }
        if let (true, Ok(mut last)) = (self.lines, self.last.lock()) {
            for step in Step::ALL {
                let (before, now) = (last[number].get(step), steps.get(step));
                if before != now {
                    let name = &self.names[number];
                    write_to_stderr(&format!("{name}: {} {}\n", step.as_str(), now.as_str()));
                }
            }
            last[number] = steps;
        }
    }

    /// Removes the live table.
    pub(super) fn end(self) {
        for bar in self.head.into_iter().chain(self.rows) {
            bar.finish_and_clear();
        }
    }
}

/// The name of the first column.
const HEAD: &str = "NAME";

/// The widest column of names of the live table: so much that all steps fit into 60 columns.
const WIDEST_NAME: usize = 24;

/// The first line of the live table.
fn head(width: usize) -> String {
    let cells = Step::ALL.map(|step| step.as_str().to_uppercase());
    format!("{HEAD:width$}   {}", cells.join("  "))
}

/// A row of the live table: the state of each step below its name, and the current activity, of which a narrow terminal shows less.
fn row(name: &str, width: usize, steps: Steps, words: &str) -> String {
    let name = if name.chars().count() > width {
        name.chars().take(width - 1).chain(['…']).collect()
    } else {
        format!("{name:width$}")
    };
    let cells = Step::ALL.map(|step| format!("{:1$}", short(steps.get(step)), step.as_str().len()));
    format!("{name}   {}  {words}", cells.join("  ")).trim_end().to_owned()
}

/// A state in the width of the shortest name of a step or one more. What was as it should be and what was made so are both good.
fn short(state: State) -> &'static str {
    match state {
        State::Unchanged | State::Done | State::There => "ok",
        State::Failed => "FAIL",
        State::Unknown => "?",
        other => mark(other),
    }
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
    fn the_steps_of_the_live_table_stand_below_their_names_and_fit_a_narrow_terminal() {
        let mut steps = Steps::default();
        steps.set(Step::Prepare, State::Unchanged);
        steps.set(Step::Stage, State::Done);
        steps.set(Step::Install, State::Running);
        let lines = [head(8), row("server1", 8, steps, "waiting for a node"), row("s", 8, Steps::default(), "")];
        assert_eq!(
            lines.join("\n"),
            "NAME       PREPARE  STAGE  INSTALL  VERIFY\nserver1    ok       ok     ...      -       waiting for a node\ns          -        -      -        -"
        );
        steps.set(Step::Install, State::Failed);
        assert_eq!(row("a-long-name", 8, steps, ""), "a-long-…   ok       ok     FAIL     -");
        assert!(head(WIDEST_NAME).len() < 60);
    }

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
