//! A row of the fault table: what is wrong, what `verify` must say, and where a reader of the user guide can see the cause.

use integration_tests::bench::fault_times::{FaultTime, Named};
use integration_tests::cleanup::CleanupGuard;

use super::site::Site;

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
        test: |site, fault| site.expect(fault),
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
