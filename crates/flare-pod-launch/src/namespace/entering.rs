//! Begins to follow a job: one whose pod is created, or one whose pod exists.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use flare_diagnostic::{Code, Diagnostic};
use flare_pod_manifest::Hidden;
use tokio::sync::mpsc;

use super::{Namespace, Reply, Unanswered};
use crate::{
    Job, JobPod, KnownPod, Lifecycle, Limits, Notice, Observation,
    age::age,
    creation::{BACKOFF, Progress},
    entry::{JobEntry, Tokens},
    secrets::NameLock,
};

impl Namespace {
    /// Begins a launch that is answered at the time `until`, at the latest.
    pub(super) fn launch(&mut self, job: JobPod, until: Duration, reply: Reply) {
        if job.namespace != self.worker.namespace {
            let message = format!("the pod belongs into namespace `{}`, not `{}`", job.namespace, self.worker.namespace);
            let _ = reply.send(Err(Diagnostic::error(Code::InvalidLaunchRequest, message)));
            return;
        }
        if self.jobs.contains_key(&job.name) {
            let _ = reply.send(Err(already_followed(&job.name)));
            return;
        }
        let known = self.known.get(&job.name).filter(|known| known.is_of(&job.job, &job.site) && !known.is_being_deleted);
        if let Some(known) = known.cloned() {
            return self.take_over(&known, job.limits, job.hidden, reply);
        }
        let life = Lifecycle::new(&job.container, job.limits.clone(), self.options.keep, self.now());
        let (number, notices) = self.enter(&job.name, life);
        let progress = Progress::default();
        let Some(entry) = self.jobs.get_mut(&job.name) else { return };
        entry.of = Some((job.job.clone(), job.site.clone()));
        entry.hidden = job.hidden.clone();
        entry.credentials = job.credentials.iter().filter_map(|secret| secret.metadata.name.clone()).collect();
        entry.creating = Some(progress.clone());
        let handle = Job { pod: job.name.clone(), uid: None, taken_over: false, notices };
        self.unanswered.push(Unanswered { number, job: handle, reply, until });
        let name = job.name.clone();
        let name_lock = self.name_lock(&name);
        self.worker.create(job, number, progress, name_lock);
        self.step(&name, Observation::TimePassed);
    }

    /// The lock that creations of this name share with those that are still under way.
    pub(super) fn name_lock(&mut self, name: &str) -> NameLock {
        self.name_locks.retain(|_, lock| lock.strong_count() > 0);
        let lock = self.name_locks.get(name).and_then(Weak::upgrade).unwrap_or_default();
        self.name_locks.insert(name.to_owned(), Arc::downgrade(&lock));
        lock
    }

    pub(super) fn adopt(&mut self, pod: &str, uid: Option<&str>, limits: Limits, reply: Reply) {
        if self.jobs.contains_key(pod) {
            let _ = reply.send(Err(already_followed(pod)));
            return;
        }
        if let Some(known) = self.known.get(pod).filter(|known| uid.is_none_or(|uid| known.uid == uid)).cloned() {
            return self.take_over(&known, limits, Hidden::default(), reply);
        }
        // It may be newer than the list; only a request for it shows whether it is gone.
        let now = self.now();
        let life = Lifecycle::new("", limits, self.options.keep, now).taken_over(uid, now);
        let (_, notices) = self.enter(pod, life);
        if let Some(entry) = self.jobs.get_mut(pod) {
            entry.tokens = Tokens::awaited(false);
        }
        let _ = reply.send(Ok(Job { pod: pod.to_owned(), uid: uid.map(str::to_owned), taken_over: true, notices }));
        self.look_at(pod);
    }

    /// Looks at a pod that is taken over, of which only a part is known.
    fn look_at(&mut self, pod: &str) {
        let observation = if self.are_events_listed { Observation::EventsListed } else { Observation::TimePassed };
        self.step(pod, observation);
    }

    /// Takes over an existing pod. Its time counts from its creation, by the cluster's clock.
    fn take_over(&mut self, known: &KnownPod, limits: Limits, hidden: Hidden, reply: Reply) {
        let now = self.now();
        let mut asked = now;
        asked.elapsed = asked.elapsed.saturating_sub(age(known.created, self.worker.cluster.time(), now.wall));
        let life = Lifecycle::new(&known.container, limits, self.options.keep, asked).taken_over(Some(&known.uid), now);
        let (_, notices) = self.enter(&known.pod, life);
        if let Some(entry) = self.jobs.get_mut(&known.pod) {
            // It may have other tokens than a request of today.
            (entry.hidden, entry.tokens) = (hidden, Tokens::awaited(false));
            entry.credentials.clone_from(&known.credentials);
        }
        let handle = Job { pod: known.pod.clone(), uid: Some(known.uid.clone()), taken_over: true, notices };
        let _ = reply.send(Ok(handle));
        for event in self.happened.remove(&known.pod).into_iter().flatten() {
            self.step(&known.pod, Observation::Happened(Box::new(event)));
        }
        self.look_at(&known.pod);
    }

    fn enter(&mut self, name: &str, life: Lifecycle) -> (u64, mpsc::UnboundedReceiver<Notice>) {
        self.numbers += 1;
        let (notices, received) = mpsc::unbounded_channel();
        let is_uid_told = life.uid().is_some();
        let entry = JobEntry {
            number: self.numbers,
            life: life.with_evidence_of_success(self.options.evidence_of_success),
            of: None,
            hidden: Hidden::default(),
            tokens: Tokens::Known,
            notices,
            settled: None,
            creating: None,
            was_requested: false,
            reported: None,
            look_wanted: false,
            credentials: Vec::new(),
            is_owner: false,
            owner_pauses: BACKOFF,
            is_uid_told,
        };
        self.jobs.insert(name.to_owned(), entry);
        self.late.remove(name);
        (self.numbers, received)
    }
}

fn already_followed(pod: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidLaunchRequest, format!("the job of pod `{pod}` is being launched already"))
        .hint("name each job once")
}
