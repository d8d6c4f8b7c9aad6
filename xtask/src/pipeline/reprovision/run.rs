//! The steps of a reprovision, one after the other, and the end of a run.
#![expect(clippy::result_large_err, reason = "a run returns its fault once")]

mod ending;

use std::time::Duration;

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults};
use flare_pvc_stage::{Backup, BackupOptions};
use tokio::time::Instant;

use super::{
    back::{self, Failed},
    input::{Input, Progress},
    look::Inspection,
    reached::Reprovisioned,
    step::{Step, StepResult},
};
use crate::{
    context::Context,
    pipeline::{
        backup,
        install::{self, Attempt, KnownRevisions},
        kit_facts::short,
        prepare, stage,
        up::State,
        verify,
    },
};

/// A run: what it knows, and how far it has come.
pub(super) struct Run<'run> {
    context: &'run Context<'run>,
    input: &'run Input,
    progress: Progress<'run>,
    known: Inspection,
    found: Collector,
    result: Reprovisioned,
    /// Whether the cluster has the new kit already.
    is_staged: bool,
    /// Whether this run, or the interrupted one with which it goes on, replaced the kit on the volume.
    staged: bool,
    /// Whether the note with which it can be gone on was made by this run.
    is_noted: bool,
    /// The release before this run changes anything in the cluster.
    known_release: KnownRevisions,
    /// The revision before the one that this run made.
    before: Option<u64>,
    /// The end of its time, without that of the way back.
    end: Instant,
}

/// Why a run ended, and where.
struct Stop(Faults, Failed);

impl From<Faults> for Stop {
    fn from(faults: Faults) -> Self {
        Self(faults, Failed::Early)
    }
}

impl From<Diagnostic> for Stop {
    fn from(fault: Diagnostic) -> Self {
        Faults::from(fault).into()
    }
}

/// The state of a step, and what it did.
type StepOutcome = Result<(State, String), Stop>;

impl<'run> Run<'run> {
    pub(super) fn new(
        context: &'run Context<'run>,
        input: &'run Input,
        progress: Progress<'run>,
        mut known: Inspection,
        found: Collector,
    ) -> Self {
        let fingerprints = [known.earlier.kit.fingerprint().to_string(), known.new.fingerprint().to_string()];
        let result = Reprovisioned {
            plan: known.new.plan().clone(),
            steps: StepResult::none(),
            backup: None,
            earlier: None,
            fingerprints,
            revision: None,
            findings: Vec::new(),
            back: None,
            changes: std::mem::take(&mut known.changes),
            ended: Ok(Checked::clean(())),
        };
        let end = Instant::now() + input.install.limit;
        let (is_staged, staged, is_noted, known_release, before) = (false, false, false, KnownRevisions::default(), None);
        Self { context, input, progress, known, found, result, is_staged, staged, is_noted, known_release, before, end }
    }

    /// Goes as far as possible; if a step fails, back again.
    pub(super) fn carry_out(mut self) -> Reprovisioned {
        let ended = if self.input.run.dry_run { self.would() } else { self.all() };
        match ended {
            Ok(()) => self.note_end(),
            Err(Stop(faults, failed)) => self.end_badly(faults, failed),
        }
        Reprovisioned { ended: self.found.finish(|| ()), ..self.result }
    }

    fn all(&mut self) -> Result<(), Stop> {
        if self.known.current && self.known.earlier.note.is_none() {
            (self.progress)("looking at what is staged");
            self.is_staged = self.looks_staged()?;
        }
        self.step(Step::Backup, Self::backup)?;
        self.step(Step::Prepare, Self::prepare)?;
        self.step(Step::Stage, Self::stage)?;
        self.step(Step::Install, Self::install)?;
        self.step(Step::Verify, Self::verify)
    }

    fn step(&mut self, step: Step, work: fn(&mut Self) -> StepOutcome) -> Result<(), Stop> {
        (self.progress)(step.as_str());
        let did = self.may_go_on().and_then(|()| work(self));
        let (state, what) = match &did {
            Ok((state, what)) => (*state, what.clone()),
            Err(Stop(faults, _)) => (State::Failed, faults.first().message.clone()),
        };
        self.set(step, state, what);
        did.map(drop)
    }

    fn set(&mut self, step: Step, state: State, what: String) {
        if let Some(result) = self.result.steps.iter_mut().find(|result| result.step == step) {
            *result = StepResult { step, state, what };
        }
    }

    /// The release as it was before this run.
    fn untouched(&self) -> Attempt {
        Attempt::Untouched(self.known_release.newest)
    }

    /// The time that is left.
    fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    fn looks_staged(&self) -> Result<bool, Faults> {
        let kit = &self.known.new;
        let look = |cluster| async move { Ok(flare_pvc_stage::check_staged(&cluster, kit).await) };
        match self.input.request().in_cluster(self.context, self.left(), look)? {
            Ok(()) => Ok(true),
            Err(faults) if faults.all().iter().all(|fault| fault.code == Code::KitNotStaged) => Ok(false),
            Err(faults) => Err(faults),
        }
    }

    /// The fingerprint of the participant's kit on its volume, if one is noted.
    fn on_volume(&self) -> Result<Option<String>, Faults> {
        let kit = &self.known.new;
        let look = |cluster| async move { Ok(flare_pvc_stage::staged_fingerprint(&cluster, kit).await?) };
        self.input.request().in_cluster(self.context, self.left(), look)
    }

    fn backup(&mut self) -> StepOutcome {
        let note = self.known.earlier.note.clone();
        // As long as the earlier kit is on the volume, the parent may have gone on since.
        if let Some(note) = &note
            && self.on_volume()?.as_ref() != Some(&note.fingerprint)
        {
            let saved: Backup = note.backup.clone().into();
            let what = format!("the run that was interrupted saved {} files to {}", saved.files, saved.file.display());
            self.result.backup = Some(saved);
            return Ok((State::Unchanged, what));
        }
        let options = install::Options { limit: self.left(), ..self.input.install.clone() };
        install::refuse_loss(self.context, &self.input.request(), &self.known.new, &options)?;
        if self.is_staged {
            return Ok((State::Unchanged, "the kit on the volume stays as it is, so nothing was saved".to_owned()));
        }
        let file = self.backup_file();
        // Only the file of an earlier run is replaced, never one that the user names.
        let force = self.input.backup_file.is_none() || self.known.earlier.has_saved_to(&file);
        let options = BackupOptions { force, deadline: self.left(), ..self.input.backup.clone() };
        let saved = backup::backup(self.context, &self.input.request(), &file, &options, &|_, _| ())?.collect(&mut self.found);
        let what = format!("saved {} files ({} bytes) to {}", saved.files, saved.bytes, saved.file.display());
        // An interrupted run kept it, and may have replaced the output since.
        if note.is_none() {
            self.known.earlier.keep(&self.context.interrupt)?;
        }
        self.known.earlier.note_backup(&saved)?;
        self.is_noted = true;
        self.result.backup = Some(saved);
        Ok((State::Done, what))
    }

    fn backup_file(&self) -> std::path::PathBuf {
        self.input.backup_file.clone().unwrap_or_else(|| self.known.earlier.backup_file.clone())
    }

    fn prepare(&mut self) -> StepOutcome {
        let output = self.input.kit.output.display();
        if self.known.earlier.note.is_some() {
            self.result.earlier = Some(self.known.earlier.kept());
        }
        if self.known.current {
            return Ok((State::Unchanged, format!("{output} is what kit and configuration make")));
        }
        let what = format!("replaced {output}; the earlier one is kept in {}", self.known.earlier.kept().display());
        // Its warnings are known since the first look.
        prepare::prepare(&self.input.kit, &self.input.run)?;
        Ok((State::Done, what))
    }

    fn stage(&mut self) -> StepOutcome {
        if !self.input.run.dry_run {
            let options = install::Options { limit: self.left(), ..self.input.install.clone() };
            self.known_release = install::known_revisions(self.context, &self.input.request(), &options)?;
            if self.is_noted {
                self.known.earlier.note_revision(self.known_release.good)?;
            }
        }
        let options = flare_pvc_stage::VolumeStageOptions { deadline: self.left(), ..self.input.staging.clone() };
        let staged = stage::on_volume(self.context, &self.input.request(), &options, &|_, _| ());
        let failed = self.failed_staging();
        let staged = staged.map_err(|faults| Stop(faults, failed))?.collect(&mut self.found);
        // What an interrupted run put there goes back as well if this one fails.
        self.staged = staged.changed || (self.known.earlier.is_resumed && !self.input.run.dry_run);
        let what = if staged.changed { "put onto" } else { "is already on" };
        let what = format!("the kit {} {what} claim {}", short(&staged.fingerprint), staged.claim);
        Ok((State::of_change(staged.changed), what))
    }

    fn install(&mut self) -> StepOutcome {
        let options = install::Options { limit: self.left(), ..self.input.install.clone() };
        match install::install(self.context, &self.input.request(), &options, self.progress) {
            Ok(installed) => {
                let installed = installed.collect(&mut self.found);
                (self.result.revision, self.before) = (Some(installed.revision), installed.before);
                let (release, revision) = (&installed.place.release, installed.revision);
                Ok((
                    State::of_change(installed.changed),
                    format!("release {release}, revision {revision}: its participant has joined"),
                ))
            }
            Err(not_installed) => {
                self.result.findings = not_installed.findings;
                let left = not_installed.attempt.unwrap_or_else(|| self.untouched());
                let (recovery, staged, before) = (not_installed.recovery, self.staged, self.good_before());
                let failed = Failed::Installation { recovery, staged, before, left };
                Err(Stop(not_installed.faults, failed))
            }
        }
    }

    /// The installation has already waited whether the parent stays up.
    fn verify(&mut self) -> StepOutcome {
        let options = verify::Options { offline: false, deadline: self.left(), stable: Duration::ZERO };
        // The installation before has told it.
        let left = self.result.revision.map_or_else(|| self.untouched(), Attempt::Made);
        let failed = |faults: Faults, before| Stop(faults, Failed::Checks { before, left });
        let verified = verify::verify(self.context, &self.input.request(), &options, self.progress);
        let verified = verified.map_err(|faults| failed(faults, self.before()))?;
        let what = format!("{} findings, none of them a fault", verified.findings.len());
        let checked = verify::refuse_faults(&verified.findings).map_err(|faults| failed(faults, self.before()));
        self.result.findings = verified.findings;
        checked.map(|()| (State::Unchanged, what))
    }

    /// What a run would do; the cluster is looked at only for a kit that is prepared.
    fn would(&mut self) -> Result<(), Stop> {
        let file = self.backup_file();
        if !self.known.current {
            self.set(Step::Backup, State::Done, format!("would save the volume to {}", file.display()));
            self.set(Step::Prepare, State::Done, format!("would change {} files", self.result.changes.len()));
            return Ok(());
        }
        self.set(Step::Prepare, State::Unchanged, "is what kit and configuration make".to_owned());
        self.step(Step::Stage, Self::stage)?;
        if self.staged {
            self.set(Step::Backup, State::Done, format!("would save the volume to {}", file.display()));
            return Ok(());
        }
        self.set(Step::Backup, State::Unchanged, "the kit on the volume would stay as it is".to_owned());
        self.step(Step::Install, Self::install)
    }
}
