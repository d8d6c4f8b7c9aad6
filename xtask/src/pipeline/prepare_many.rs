//! Prepares many kits in one run: all are checked, alone and against each other, before the first is written.

use std::path::PathBuf;

use flare_diagnostic::{Checked, Code, Faults};

use super::{
    federation::{self, Isolation, UniqueCollector},
    parallel,
    prepare::{self, Prepared},
    request::{KitRequest, RunOptions},
};

/// A run that ended before every kit was prepared.
#[derive(Debug)]
pub(crate) struct Unfinished<Kept> {
    /// Why it ended.
    pub(crate) faults: Faults,
    /// What is kept of the kits that were prepared; `None` if the check failed, before any write.
    pub(crate) done: Option<Vec<Kept>>,
    /// The kits that were not prepared.
    pub(crate) not_done: Vec<PathBuf>,
}

/// Prepares every kit. Of each only the result of `keep` is held, so that memory use stays constant; `progress` is called after each.
pub(crate) fn prepare_many<Kept: Send>(
    requests: &[KitRequest],
    isolation: &Isolation,
    options: &RunOptions,
    keep: impl Fn(Prepared) -> Kept + Sync,
    mut progress: impl FnMut() + Send,
) -> Result<Checked<Vec<Kept>>, Unfinished<Kept>> {
    let paths = || requests.iter().map(|request| request.kit.clone());
    let checked = federation::check(requests, isolation, options);
    let checked = checked.map_err(|faults| Unfinished { faults, done: None, not_done: paths().collect() })?;
    let mut found = UniqueCollector::default();
    checked.collect(&mut found);
    let (mut done, mut not_done) = (Vec::new(), Vec::new());
    let mut paths = paths();
    parallel::in_order(
        requests,
        |request| prepare::prepare(request, options).map(|prepared| prepared.map(&keep)),
        |result| {
            progress();
            let kit = paths.next();
            // The check has already found most of its warnings; only those of writing are new.
            match found.keep_checked(result) {
                Some(prepared) => done.push(prepared),
                None => not_done.extend(kit),
            }
        },
    );
    let faults = match found.finish(|| ()) {
        Ok(checked) => return Ok(checked.map(|()| done)),
        Err(faults) => faults,
    };
    let faults = faults.map(|mut fault| {
        if fault.code == Code::Interrupted {
            fault.message =
                format!("interrupted after {} of {} kits; what was begun has been removed", done.len(), requests.len());
        }
        fault
    });
    Err(Unfinished { faults, done: Some(done), not_done })
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::atomic::Ordering};

    use flare_file_tree::Destination;
    use flare_site_plan::{Acceptance, LauncherChoice};

    use super::*;
    use crate::{Environment, interrupt::Interrupt, pipeline::request::ConfigSource};

    #[test]
    fn a_run_that_stops_half_way_says_which_kits_are_done_and_is_one_error() {
        let scratch = tempfile::tempdir().unwrap();
        let config = scratch.path().join("k8s.yaml");
        let text = b"runtime: k8s\nparent:\n  docker_image: registry.example.com/nvflare:2.8.3\n";
        flare_file_tree::write_file(&config, text, 0o644, false).unwrap();
        let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/kits/plain-2.8.3/site-1");
        let request = |index: usize| KitRequest {
            kit: flare_file_tree::resolved(&crate::environment::shortest(&kit)),
            config: ConfigSource::file(config.clone()),
            output: scratch.path().join(format!("out-{index}")),
            asked: None,
        };
        let requests: Vec<_> = (0..12).map(request).collect();
        let options = RunOptions {
            acceptance: Acceptance::default(),
            launcher: LauncherChoice::default(),
            now: Environment::of_process().now,
            discard_changes: false,
            working_directory: scratch.path().to_owned(),
            dry_run: false,
            interrupt: Interrupt::default(),
        };
        let keep = |prepared: Prepared| {
            options.interrupt.flag().store(true, Ordering::Relaxed);
            PathBuf::from(prepared.report["output"].as_str().unwrap())
        };
        let ended = prepare_many(&requests, &Isolation::SeparateClusters, &options, keep, || ());
        let Unfinished { faults, done, not_done } = ended.unwrap_err();
        let done = done.unwrap();
        assert!(!done.is_empty() && !not_done.is_empty() && done.len() + not_done.len() == 12);
        assert_eq!((faults.all().len(), faults.first().code), (1, Code::Interrupted), "{faults}");
        assert!(faults.to_string().contains(&format!("after {} of 12 kits", done.len())), "{faults}");
        for request in &requests {
            let is_there = !matches!(Destination::inspect(&request.output), Ok(Destination::Absent));
            assert_eq!(is_there, done.contains(&request.output), "{}", request.output.display());
        }
    }
}
