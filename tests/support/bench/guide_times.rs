//! What the reference's printed command and the user guide's "Verify The Deployment" said about a fault: written by the tests of the
//! fault table, read by the bench that shows it.

use std::path::Path;

use serde_json::{Value, json};

use super::fault_times::{FaultTime, append, cell, lines};

/// The variable that names the file; without it the reference is not tried.
pub const FILE: &str = "FLARE_KUBE_GUIDE_TIMES";

/// The head of the table.
pub const HEAD: &str = "| fault | flare-kube names it | `helm upgrade --install` | `kubectl rollout status --timeout=60s` | the cause is \
                        to be seen in | after |\n| --- | --- | --- | --- | --- | --- |\n";

/// One fault as the guide's reader meets it.
#[derive(Debug, Clone, PartialEq)]
pub struct GuideTime {
    /// What was wrong.
    pub fault: String,
    /// What its reader met, or why that could not be tried.
    pub tried: Result<Tried, String>,
}

/// What the guide's reader met.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// Whether `helm upgrade --install` succeeded, and its seconds; `None` if the fault is that it was not run.
    pub helm: Option<(bool, f64)>,
    /// Whether `kubectl rollout status` succeeded, and its seconds.
    pub rollout: (bool, f64),
    /// The first command whose output has the cause, and the seconds since the reader began to verify; `None` if none has.
    pub seen: Option<(String, f64)>,
    /// Why none can have it, as the fault table states.
    pub nowhere: Option<String>,
}

impl Tried {
    /// Whether the cause was seen, or nowhere, as the fault table states.
    fn is_as_stated(&self) -> bool {
        self.seen.is_none() == self.nowhere.is_some()
    }

    fn cells(&self) -> String {
        let helm = self.helm.map_or_else(
            || "not run".to_owned(),
            |(deployed, seconds)| format!("{}, {seconds:.1} s", if deployed { "`STATUS: deployed`" } else { "an error" }),
        );
        let (rolled_out, seconds) = self.rollout;
        let rollout = format!("{}, {seconds:.1} s", if rolled_out { "**successfully rolled out**" } else { "an error" });
        let (place, after) = match (&self.seen, &self.nowhere) {
            (Some((command, seconds)), _) => (format!("`{command}`"), format!("{seconds:.1} s")),
            (None, Some(reason)) => (format!("nowhere: {}", cell(reason)), String::new()),
            (None, None) => ("nowhere".to_owned(), String::new()),
        };
        let doubt = if self.is_as_stated() { "" } else { " (the fault table states something else)" };
        format!("{helm} | {rollout} | {place}{doubt} | {after}")
    }
}

impl GuideTime {
    /// Prints it, and appends it to the file.
    pub fn record(&self, file: &Path) {
        eprint!("{}", self.row(&[]));
        append(file, &self.document());
    }

    /// As JSON.
    pub fn document(&self) -> Value {
        match &self.tried {
            Ok(Tried { helm, rollout, seen, nowhere }) => {
                json!({"fault": self.fault, "helm": helm, "rollout": rollout, "seen": seen, "nowhere": nowhere})
            }
            Err(missed) => json!({"fault": self.fault, "missed": missed}),
        }
    }

    /// All that were recorded in a file.
    pub fn read(file: &Path) -> Vec<Self> {
        lines(file).iter().map(Self::of).collect()
    }

    fn of(value: &Value) -> Self {
        let seconds = |pair: &Value| pair[1].as_f64().expect("seconds");
        let ended = |pair: &Value| (pair[0] == true, seconds(pair));
        let tried = match value["missed"].as_str() {
            Some(missed) => Err(missed.to_owned()),
            None => Ok(Tried {
                helm: value["helm"].is_array().then(|| ended(&value["helm"])),
                rollout: ended(&value["rollout"]),
                seen: value["seen"][0].as_str().map(|command| (command.to_owned(), seconds(&value["seen"]))),
                nowhere: value["nowhere"].as_str().map(str::to_owned),
            }),
        };
        Self { fault: value["fault"].as_str().expect("a text").to_owned(), tried }
    }

    /// Whether it was tried, and the cause was seen, or nowhere, as the fault table states.
    pub fn is_as_stated(&self) -> bool {
        self.tried.as_ref().is_ok_and(Tried::is_as_stated)
    }

    /// A row of a table in Markdown, with what flare-kube said about the same fault.
    pub fn row(&self, ours: &[FaultTime]) -> String {
        let ours: Vec<_> = ours.iter().filter(|time| time.fault == self.fault).map(FaultTime::cell).collect();
        let cells = match &self.tried {
            Ok(tried) => tried.cells(),
            Err(missed) => format!("**missed**: {} | | |", cell(missed)),
        };
        format!("| {} | {} | {cells} |\n", self.fault, ours.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault_times::{FaultTime, Named};
    use super::{GuideTime, HEAD, Tried};

    fn guide(tried: Result<Tried, String>) -> GuideTime {
        GuideTime { fault: "wrong tag".to_owned(), tried }
    }

    #[test]
    fn each_row_says_who_names_the_cause_and_a_statement_that_does_not_hold_is_no_success() {
        let seen = Some(("kubectl describe pod".to_owned(), 60.26));
        let (helm, rollout) = (Some((true, 1.25)), (false, 60.1));
        let tried = |seen: &Option<(String, f64)>, nowhere: Option<&str>| {
            guide(Ok(Tried { helm, rollout, seen: seen.clone(), nowhere: nowhere.map(str::to_owned) }))
        };
        let not_run = guide(Ok(Tried { helm: None, rollout: (false, 0.1), seen: seen.clone(), nowhere: None }));
        let missed = guide(Err("helm: gone\nmore".to_owned()));
        let all = [tried(&seen, None), tried(&None, Some("nobody asks")), tried(&None, None), tried(&seen, Some("no"))];
        assert_eq!(all.each_ref().map(GuideTime::is_as_stated), [true, true, false, false]);
        assert!(not_run.is_as_stated() && !missed.is_as_stated());
        let ours = FaultTime {
            fault: "wrong tag".to_owned(),
            verb: "verify".to_owned(),
            id: "D52".to_owned(),
            words: "no such image".to_owned(),
            named: Ok(Named { seconds: 21.04, after_known: Some(0.3) }),
        };
        let rows: String = all.iter().chain([&not_run, &missed]).map(|one| one.row(std::slice::from_ref(&ours))).collect();
        let (begin, both) = ("| wrong tag | `verify`: D52, 21.0 s |", "`STATUS: deployed`, 1.2 s | an error, 60.1 s |");
        let expected = format!(
            "{begin} {both} `kubectl describe pod` | 60.3 s |\n\
             {begin} {both} nowhere: nobody asks |  |\n\
             {begin} {both} nowhere (the fault table states something else) |  |\n\
             {begin} {both} `kubectl describe pod` (the fault table states something else) | 60.3 s |\n\
             {begin} not run | an error, 0.1 s | `kubectl describe pod` | 60.3 s |\n\
             {begin} **missed**: helm: gone | | | |\n"
        );
        assert_eq!(rows, expected);
        let columns = |line: &str| line.matches('|').count();
        assert!(rows.lines().all(|row| columns(row) == columns(HEAD.lines().next().unwrap())), "{rows}");
        for one in all.into_iter().chain([not_run, missed]) {
            assert_eq!(GuideTime::of(&one.document()), one);
        }
    }
}
