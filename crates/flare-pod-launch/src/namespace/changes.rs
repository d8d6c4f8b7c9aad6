//! Handles changes from the watches, and their failures.

use flare_cluster::WatchEvent;
use flare_diagnostic::Diagnostic;
use k8s_openapi::api::core::v1::{Event, Pod};

use super::{Command, Early, Namespace};
use crate::{KnownPod, Observation, trouble};

/// The maximum number of events that are stored for a pod that no job follows.
const MOST_EVENTS: usize = 20;

impl Namespace {
    pub(super) fn pods_changed(&mut self, change: Result<WatchEvent<Pod>, Diagnostic>) {
        match change {
            Ok(WatchEvent::All(pods)) => {
                self.known = pods.iter().filter_map(KnownPod::of).map(|known| (known.pod.clone(), known)).collect();
                self.happened.retain(|name, _| self.known.contains_key(name));
                let missing: Vec<_> = self.jobs.keys().filter(|name| !self.known.contains_key(*name)).cloned().collect();
                for pod in pods {
                    self.seen(pod);
                }
                for name in missing {
                    self.step(&name, Observation::Missing);
                }
                // What was seen before the interruption is judged only after what is seen now.
                self.sighted();
                (self.is_listed, self.is_patient) = (true, false);
                for Early { command, asked, .. } in std::mem::take(&mut self.early) {
                    self.carry_out(command, asked);
                }
            }
            Ok(WatchEvent::Applied(pod)) => {
                if let Some(known) = KnownPod::of(&pod) {
                    self.known.insert(known.pod.clone(), known);
                }
                self.seen(pod);
                self.sighted();
            }
            Ok(WatchEvent::Deleted(pod)) => {
                let (name, uid) = (pod.metadata.name.clone().unwrap_or_default(), pod.metadata.uid.clone());
                self.known.remove(&name);
                self.happened.remove(&name);
                match self.jobs.get_mut(&name) {
                    Some(entry) if entry.life.uid() == uid.as_deref() => {
                        self.seen(pod);
                        self.step(&name, Observation::Missing);
                    }
                    // It may be the pod that is being created, or an earlier one.
                    Some(entry) if entry.creating.is_some() && entry.life.uid().is_none() => entry.look_wanted = true,
                    _ => {}
                }
                self.sighted();
            }
            Ok(WatchEvent::Interrupted(fault)) => {
                self.blinded(&Observation::NoAnswer);
                self.fault = Some(fault);
            }
            Err(fault) => {
                self.blinded(&trouble::of_watch(&fault));
                self.fault = Some(fault);
                // Who asks for the pods is told why there is no list.
                let (lists, others): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut self.early).into_iter().partition(|early| matches!(early.command, Command::List { .. }));
                self.early = others;
                for Early { command, asked, .. } in lists {
                    self.carry_out(command, asked);
                }
            }
        }
    }

    pub(super) fn seen(&mut self, pod: Pod) {
        let Some(name) = pod.metadata.name.clone() else { return };
        let Some(entry) = self.jobs.get_mut(&name) else { return self.end_late(&name) };
        if entry.life.uid().is_some() || entry.creating.is_none() {
            self.step(&name, Observation::Seen(Box::new(pod)));
        } else {
            // It may be the pod of an earlier launch that is being deleted; the answer about the creation tells.
            entry.reported = Some(Box::new(pod));
        }
    }

    /// A pod whose creation was never answered may appear after its job has ended; nobody else would remove it.
    fn end_late(&mut self, name: &str) {
        let now = self.now().elapsed;
        if let Some(late) = self.late.get(name).filter(|late| late.until > now)
            && let Some(known) =
                self.known.get(name).filter(|known| known.is_of(&late.job, &late.site) && !known.is_being_deleted)
        {
            self.worker.delete(name, Some(&known.uid), None, 0);
        }
    }

    pub(super) fn events_changed(&mut self, change: Result<WatchEvent<Event>, Diagnostic>) {
        let is_answer = !matches!(change, Ok(WatchEvent::Interrupted(_)));
        let events = match change {
            Ok(WatchEvent::All(events)) => events,
            Ok(WatchEvent::Applied(event)) => vec![event],
            // Without the permission to read them, less is reported.
            Ok(WatchEvent::Deleted(_) | WatchEvent::Interrupted(_)) | Err(_) => Vec::new(),
        };
        for event in events {
            let Some(name) = event.involved_object.name.clone() else { continue };
            if self.jobs.contains_key(&name) {
                self.step(&name, Observation::Happened(Box::new(event)));
            } else if self.known.contains_key(&name) {
                let happened = self.happened.entry(name).or_default();
                happened.retain(|known| known.metadata.name != event.metadata.name);
                if happened.len() == MOST_EVENTS {
                    happened.remove(0);
                }
                happened.push(event);
            }
        }
        if is_answer && !std::mem::replace(&mut self.are_events_listed, true) {
            self.each(&Observation::EventsListed);
        }
    }

    /// Tells each job that nothing can be observed; each has its own limit for that. A cheap request finds out when that is over, since a
    /// resumed watch is silent as long as nothing changes.
    pub(super) fn blinded(&mut self, observation: &Observation) {
        self.is_blind = true;
        self.each(observation);
        if let Some(pause) = self.probing.start(!self.jobs.is_empty()) {
            self.worker.probe(pause);
        }
    }

    pub(super) fn sighted(&mut self) {
        if std::mem::take(&mut self.is_blind) {
            self.probing.reset();
            self.each(&Observation::Sighted);
        }
    }
}
