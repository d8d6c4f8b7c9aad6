//! Handles the results of started work, and answers who waits for them.

use std::time::Duration;

use flare_diagnostic::{Code, Diagnostic};

use super::{Namespace, Unanswered};
use crate::{
    Job, Observation,
    creation::{Creation, Progress},
    trouble,
    work::Answer,
};

impl Namespace {
    pub(super) fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Created(name, number, creation) => self.created(&name, number, creation),
            Answer::Learned(name, number, observation) => {
                if self.is_current(&name, number) {
                    self.step(&name, observation);
                }
            }
            Answer::Owned(name, number) => {
                if let Some(entry) = self.jobs.get_mut(&name).filter(|entry| entry.number == number) {
                    entry.is_owner = true;
                }
            }
            Answer::Probed(found) => {
                self.is_probing = false;
                match found {
                    Ok(()) => self.sighted(),
                    Err(fault) if self.is_blind => self.blinded(&trouble::of_look(&fault)),
                    Err(_) => {}
                }
            }
        }
    }

    pub(super) fn created(&mut self, name: &str, number: u64, creation: Creation) {
        if !self.is_current(name, number) {
            return;
        }
        let look_wanted = self.jobs.get_mut(name).is_some_and(|entry| {
            entry.creating = None;
            std::mem::take(&mut entry.look_wanted)
        });
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
                if let Some(Unanswered { job, reply, .. }) = unanswered {
                    let _ = reply.send(Ok(Job { uid: Some(uid.clone()), taken_over, ..job }));
                }
                let credentials = self.jobs.get(name).map(|entry| entry.credentials.clone()).unwrap_or_default();
                self.worker.own(name, &uid, &credentials, number);
                self.step(name, Observation::Seen(pod));
            }
            Creation::None(observation) => {
                if let Some(Unanswered { job, reply, .. }) = unanswered {
                    let _ = reply.send(Ok(job));
                }
                self.step(name, observation);
                if look_wanted && self.is_current(name, number) {
                    self.worker.look(name, number);
                }
            }
        }
    }

    /// Answers launches whose time is over: refused if nothing was requested, otherwise accepted, whatever the result.
    pub(super) fn answer_late(&mut self, now: Duration) {
        let (late, waiting) = std::mem::take(&mut self.unanswered).into_iter().partition(|one| one.until <= now);
        self.unanswered = waiting;
        let late: Vec<Unanswered> = late;
        for Unanswered { number, job, reply, .. } in late {
            let entry = self.jobs.get(&job.pod).filter(|entry| entry.number == number);
            if entry.and_then(|entry| entry.creating.as_ref()).is_some_and(Progress::withdraw) {
                self.forget(&job.pod);
                let message = format!(
                    "the API server did not take the Secrets of `{}` within {} s",
                    job.pod,
                    self.options.answer.as_secs()
                );
                let _ = reply.send(Err(Diagnostic::error(Code::TimedOut, message)));
            } else {
                let _ = reply.send(Ok(job));
            }
        }
    }
}
