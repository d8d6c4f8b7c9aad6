//! Removes every participant of a federation from its cluster: the sites concurrently, then the server.

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_names::Role;
use tokio::time::Instant;

use super::{
    federation_kits::{Destined, Entry},
    parallel,
    stage::Request,
    uninstall::{self, Options, Removed, Uninstalled},
};
use crate::{context::Context, runtime};

/// The result for a participant.
#[derive(Debug)]
pub(crate) struct TakenDown {
    pub(crate) name: String,
    pub(crate) role: Option<Role>,
    /// What was removed and what stays; `None` if that failed or was not begun.
    pub(crate) removed: Option<Uninstalled>,
}

/// Called with what will be removed of a participant.
pub(crate) type Show<'run> = &'run (dyn Fn(&str, &[Removed]) + Send + Sync);

/// Removes all participants within the time of the options, even if some fail. The server is the last, so that no running site loses it.
pub(crate) fn down(
    context: &Context<'_>,
    entries: Vec<Entry>,
    options: &Options,
    at_once: usize,
    show: Show<'_>,
) -> (Vec<TakenDown>, Result<Checked<()>, Faults>) {
    let mut found = Collector::new();
    let mut opened = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let mut of_one = Collector::new();
        let destined = of_one.keep_checked(entry);
        found.extend(of_one.into_iter().map(|diagnostic| named(diagnostic, &name)));
        opened.push((name, destined));
    }
    let is_server = |(_, (_, destined)): &(usize, &(String, Option<Destined>))| {
        destined.as_ref().is_some_and(|destined| destined.role == Role::Server)
    };
    let (servers, sites): (Vec<_>, Vec<_>) = opened.iter().enumerate().partition(is_server);
    let end = Instant::now() + options.limit;
    let take_down = |(number, (name, destined)): &(usize, &(String, Option<Destined>))| {
        let destined = destined.as_ref()?;
        let request =
            Request { prepared: &destined.prepared, namespace: None, access: destined.access.clone(), values: Vec::new() };
        let ended = context.interrupt.check().and_then(|()| {
            let options = Options { limit: runtime::left_until(end)?, ..options.clone() };
            uninstall::uninstall(context, &request, &options, &|listed| show(name, listed))
        });
        Some((*number, ended))
    };
    let mut ended = parallel::at_once(at_once, &sites, take_down);
    ended.extend(parallel::at_once(1, &servers, take_down));
    let mut ended: Vec<_> = ended.into_iter().flatten().collect();
    ended.sort_by_key(|(number, _)| *number);
    let mut taken: Vec<_> = opened
        .iter()
        .map(|(name, destined)| TakenDown { name: name.clone(), role: destined.as_ref().map(|one| one.role), removed: None })
        .collect();
    let (mut faults, mut interrupted) = (Collector::new(), None);
    for (number, ended) in ended {
        let mut of_one = Collector::new();
        taken[number].removed = of_one.keep_checked(ended);
        for diagnostic in of_one {
            if diagnostic.code == Code::Interrupted {
                interrupted = Some(diagnostic);
            } else {
                faults.push(named(diagnostic, &taken[number].name));
            }
        }
    }
    // The first fault decides the exit status.
    let interrupted: Collector = interrupted.map(|fault| partly(fault, &taken)).into_iter().collect();
    let all: Collector = interrupted.into_iter().chain(found).chain(faults).collect();
    (taken, all.finish(|| ()))
}

/// Ctrl-C is reported once.
fn partly(fault: Diagnostic, taken: &[TakenDown]) -> Diagnostic {
    let gone = taken.iter().filter(|one| one.removed.is_some()).count();
    let message = format!("interrupted when {gone} of {} participants were taken down", taken.len());
    Diagnostic { message, ..fault }.hint("run the same command again, which goes on from there")
}

/// A diagnostic that says whose it is.
pub(crate) fn named(diagnostic: Diagnostic, participant: &str) -> Diagnostic {
    Diagnostic { message: format!("{participant}: {}", diagnostic.message), ..diagnostic }
}
