//! A row of the fault table: what is wrong, what `verify` must say, and where a reader of the user guide can see the cause.

use std::process::Command;
use std::time::{Duration, Instant};

use integration_tests::bench::fault_times::{FaultTime, Named};
use integration_tests::cleanup::CleanupGuard;
use integration_tests::cluster::run::wait;
use serde_json::Value;

use super::site::{Site, failed};
use crate::PROGRAM;

/// A row of the table.
pub(super) struct Fault<'row> {
    pub(super) what: &'row str,
    pub(super) id: &'row str,
    pub(super) words: &'row str,
    pub(super) sign: Sign<'row>,
    pub(super) known: Option<(&'row str, usize)>,
    pub(super) arguments: &'row [&'row str],
    /// What is done to the site before it is verified.
    pub(super) done: fn(&Site<'_>),
    /// What is done to the site that the reference's chart has made; what it returns ends once the guide's commands have been tried.
    pub(super) done_by_reference: Option<fn(&Site<'_>) -> Option<CleanupGuard>>,
    /// The verb that must name it, and how that is tested.
    pub(super) verb: &'row str,
    pub(super) test: fn(&Site<'_>, &Fault<'_>) -> Named,
}

/// Where the cause is to be seen in the outputs of the commands of the user guide's section "Verify The Deployment".
pub(super) enum Sign<'row> {
    /// One of them says one of these words.
    Says(&'row [&'row str]),
    /// `kubectl get pods,svc,pvc` does not list this.
    Lacks(&'row str),
    /// None of them shows it, for a reason: none says one of these words, which would name it.
    Nowhere(&'row [&'row str], &'row str),
}

/// What is wrong, the id and some words of the finding that must say so, and where the guide's reader can see it.
pub(super) fn fault<'row>(what: &'row str, id: &'row str, words: &'row str, sign: Sign<'row>) -> Fault<'row> {
    Fault {
        what,
        id,
        words,
        sign,
        known: None,
        arguments: &["--timeout", "90"],
        done: |_| (),
        done_by_reference: None,
        verb: "verify",
        test: |site, fault| fault.verified(site),
    }
}

impl<'row> Fault<'row> {
    /// The words with which Kubernetes says it in an event or in the state of a container, and how often it says them until that
    /// decides.
    pub(super) fn known(self, words: &'row str, times: usize) -> Self {
        Self { known: Some((words, times)), ..self }
    }

    /// Other arguments of `verify`.
    pub(super) fn with(self, arguments: &'row [&'row str]) -> Self {
        Self { arguments, ..self }
    }

    /// What sets the fault up once the site is installed, by flare-kube or by the reference.
    pub(super) fn after(self, done: fn(&Site<'_>)) -> Self {
        Self { done, ..self }
    }

    /// What sets the same fault up once the reference's chart is installed, where that has to be done in another way.
    pub(super) fn by_reference(self, done: fn(&Site<'_>) -> Option<CleanupGuard>) -> Self {
        Self { done_by_reference: Some(done), ..self }
    }

    /// Another verb that names it, and how that is tested; the guide's commands are tried only beside `verify`.
    pub(super) fn named_by(self, verb: &'row str, test: fn(&Site<'_>, &Fault<'_>) -> Named) -> Self {
        Self { verb, test, ..self }
    }

    /// The row with its times, or why there are none.
    pub(super) fn row(&self, named: Result<Named, String>) -> FaultTime {
        let text = |text: &str| text.to_owned();
        FaultTime { fault: text(self.what), verb: text(self.verb), id: text(self.id), words: text(self.words), named }
    }

    /// `verify` must report it.
    fn verified(&self, site: &Site<'_>) -> Named {
        let began = Instant::now();
        let mut verify = site.namespace.cluster.program(PROGRAM);
        verify.arg("verify").arg(site.prepared()).args(["-o", "json", "--stable", "3"]).args(self.arguments);
        let document = failed(&mut verify, 1);
        self.named(site, began, &document)
    }

    /// The findings of a verb must contain it. Returns the time since the verb began and since Kubernetes knew the fault.
    pub(super) fn named(&self, site: &Site<'_>, began: Instant, document: &Value) -> Named {
        let (end, Self { id, words, .. }) = (Instant::now(), self);
        let findings = document["data"]["findings"].as_array().expect("findings");
        let said = |finding: &&Value| finding["message"].as_str().is_some_and(|message| message.contains(words));
        let found = findings.iter().find(|finding| finding["id"] == *id && finding["severity"] == "error" && said(finding));
        let found = found.unwrap_or_else(|| panic!("no error {id} with `{words}` in {findings:#?}"));
        assert!(found["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{found:#}");
        let known = self.known.map(|(words, time)| {
            // The verb may have been faster than Kubernetes, which then says it later, or than the watch.
            let heard = || site.witness.heard(words, time);
            wait(Duration::from_mins(1), || format!("Kubernetes to say `{words}` {time} times"), heard)
        });
        let after_known = known.map(|known| end.duration_since(known.max(began)).as_secs_f64());
        Named { seconds: end.duration_since(began).as_secs_f64(), after_known }
    }

    /// `install` must refuse it, whose id is the code, before it changes anything.
    pub(super) fn refused(&self, install: &mut Command) -> Named {
        let began = Instant::now();
        let document = failed(install, 5);
        let seconds = began.elapsed().as_secs_f64();
        assert_eq!(document["error_code"], self.id, "{document:#}");
        assert!(document["message"].as_str().is_some_and(|message| message.contains(self.words)), "{document:#}");
        assert!(document["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{document:#}");
        Named { seconds, after_known: None }
    }
}

impl Sign<'_> {
    /// Whether the output of a command, of which the first words are `command`, shows the cause.
    pub(super) fn is_in(&self, command: &str, output: &str) -> bool {
        match self {
            Self::Says(words) | Self::Nowhere(words, _) => words.iter().any(|words| output.contains(words)),
            // An error lists nothing at all.
            Self::Lacks(name) => {
                command.starts_with("kubectl get pods,svc,pvc")
                    && output.contains("persistentvolumeclaim/")
                    && !output.contains(name)
            }
        }
    }

    /// Why it is nowhere.
    pub(super) fn nowhere(&self) -> Option<&str> {
        match self {
            Self::Nowhere(_, reason) => Some(reason),
            Self::Says(_) | Self::Lacks(_) => None,
        }
    }
}
