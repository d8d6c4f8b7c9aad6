//! Handles the results of started work, and answers who waits for them.

use std::time::Duration;

use flare_diagnostic::{Code, Diagnostic};
use k8s_openapi::api::core::v1::Pod;

use super::{Namespace, Unanswered};
use crate::{Job, Observation, creation::Creation, secrets::Ownership, trouble, work::Answer};

impl Namespace {
    pub(super) fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Created(name, number, creation) => self.created(&name, number, creation),
            Answer::Learned(name, number, observation) => {
                if self.is_current(&name, number) {
                    self.step(&name, observation);
                }
            }
            Answer::Owned(name, number, ownership) => self.owned(&name, number, ownership),
            Answer::Probed(found) => {
                self.probing.answered();
                match found {
                    Ok(()) => self.sighted(),
                    Err(fault) if self.is_blind => self.blinded(&trouble::of_watch(&fault)),
                    Err(_) => {}
                }
            }
        }
    }

    /// Records whether a pod owns its Secrets. A job that has ended meanwhile has no entry, so a Secret of its name is left alone.
    fn owned(&mut self, name: &str, number: u64, ownership: Ownership) {
        let Some(entry) = self.jobs.get_mut(name).filter(|entry| entry.number == number) else { return };
        entry.is_owner |= ownership.is_owner;
        entry.learned(ownership.hidden);
        if let Some(uid) = entry.life.uid().filter(|_| ownership.may_pass) {
            let pause = entry.owner_pauses.step();
            self.worker.own(name, uid, &entry.credentials, number, pause);
        }
    }

    pub(super) fn created(&mut self, name: &str, number: u64, creation: Creation) {
        if !self.is_current(name, number) {
            return;
        }
        let Some(entry) = self.jobs.get_mut(name) else { return };
        entry.was_requested = entry.creating.take().is_some_and(|progress| progress.has_asked());
        let mut look_wanted = std::mem::take(&mut entry.look_wanted);
        let reported = entry.reported.take();
        let unanswered = self.unanswered.iter().position(|one| one.number == number).map(|at| self.unanswered.swap_remove(at));
        match creation {
            Creation::Refused(fault) => {
                if let Some(unanswered) = unanswered {
                    self.forget(name);
                    let _ = unanswered.reply.send(Err(fault));
                    return;
                }
                // The launch was accepted, so it has an end. Its Secrets were deleted, or belong to another job's pod.
                if let Some(entry) = self.jobs.get_mut(name) {
                    entry.credentials.clear();
                }
                self.step(name, trouble::of_creation(&fault));
            }
            Creation::Made { pod, taken_over } => {
                let uid = pod.metadata.uid.clone().unwrap_or_default();
                entry.is_uid_told = unanswered.is_some();
                entry.learn_made(&pod, taken_over);
                entry.life.was_made(&uid);
                self.worker.own(name, &uid, &entry.credentials, number, Duration::ZERO);
                if let Some(Unanswered { job, reply, .. }) = unanswered {
                    let _ = reply.send(Ok(Job { uid: Some(uid), taken_over, ..job }));
                }
                let reported = reported.filter(|reported| is_later(reported, &pod));
                for pod in std::iter::once(pod).chain(reported) {
                    self.step(name, Observation::Seen(pod));
                }
            }
            Creation::None(observation) => {
                if let Some(Unanswered { job, reply, .. }) = unanswered {
                    let _ = reply.send(Ok(job));
                }
                self.step(name, observation);
                look_wanted |= reported.is_some();
            }
        }
        if look_wanted && self.is_current(name, number) {
            self.worker.look(name, number);
        }
    }

    /// Answers launches whose time is over: refused if nothing was requested, otherwise accepted, whatever the result. Where the credential is
    /// refused, the launch is accepted as well: a renewed one is noticed only after the time for an answer.
    pub(super) fn answer_late(&mut self, now: Duration) {
        let (late, waiting) = std::mem::take(&mut self.unanswered).into_iter().partition(|one| one.until <= now);
        self.unanswered = waiting;
        let late: Vec<Unanswered> = late;
        for Unanswered { number, job, reply, .. } in late {
            let entry = self.jobs.get(&job.pod).filter(|entry| entry.number == number);
            let creating = entry.and_then(|entry| entry.creating.as_ref());
            if creating.is_some_and(|progress| !progress.awaits_credential() && progress.withdraw()) {
                let why = entry.and_then(|entry| entry.life.obstacle()).map(|why| format!(": {why}")).unwrap_or_default();
                let seconds = self.options.answer.as_secs();
                let message = format!("the API server did not take the Secrets of `{}` within {seconds} s{why}", job.pod);
                self.forget(&job.pod);
                let _ = reply.send(Err(Diagnostic::error(Code::TimedOut, message)));
            } else {
                let _ = reply.send(Ok(job));
            }
        }
    }
}

/// Whether a watch reported the pod after the state in which its creation was answered. Versions of one object are numbers that grow.
fn is_later(reported: &Pod, answered: &Pod) -> bool {
    let version = |pod: &Pod| pod.metadata.resource_version.as_deref().and_then(|version| version.parse::<u64>().ok());
    reported.metadata.uid == answered.metadata.uid && version(reported) > version(answered)
}
