//! The task of a namespace: reads both watches, passes observations to the jobs, and starts their actions.

mod answers;
mod changes;
mod command;
mod entering;
mod probing;

use std::{collections::HashMap, sync::Weak, time::Duration};

use flare_cluster::{Cluster, Selection};
use flare_diagnostic::{Code, Diagnostic};
use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{Event, Pod};
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::{Instant, sleep_until},
};

pub(crate) use command::{Command, Reply};
use probing::Probing;

use crate::{
    Action, Job, KnownPod, LauncherOptions, Moment, Observation, PodLookup,
    creation::{JobObjects, Progress},
    entry::{BEFORE, JobEntry},
    following::follow,
    ours,
    timetable::Timetable,
    work::{RequestLimits, Worker},
};

/// How long an API server may take to carry out a request that it never answered.
const LATE: Duration = Duration::from_mins(5);

/// How long the first list of pods may take before those who ask for its pods are told that there is none.
const LIST: Duration = Duration::from_secs(30);

/// How long a launch waits for that list, at the most. Without it a pod that exists is known once its creation is refused.
const PATIENCE: Duration = Duration::from_millis(2500);

/// A command that waits for the first list of pods.
struct Early {
    command: Command,
    asked: Duration,
    /// When it goes on without the list.
    until: Duration,
}

/// A pod that may appear after its job has ended.
struct LatePod {
    job: String,
    site: String,
    until: Duration,
}

/// A launch that has not been answered yet.
struct Unanswered {
    number: u64,
    job: Job,
    reply: Reply,
    until: Duration,
}

#[expect(clippy::struct_excessive_bools, reason = "independent facts about the list and the watch")]
struct Namespace {
    options: LauncherOptions,
    start: Instant,
    worker: Worker,
    jobs: HashMap<String, JobEntry>,
    /// When jobs continue by themselves.
    wakes: Timetable,
    /// Name → existing job pod.
    known: HashMap<String, KnownPod>,
    /// Events of pods that no job follows yet.
    happened: HashMap<String, Vec<Event>>,
    /// Pods of jobs that ended before anybody knew whether there is a pod.
    late: HashMap<String, LatePod>,
    is_listed: bool,
    /// Whether launches wait for the first list.
    is_patient: bool,
    /// Why the list or the watch failed last.
    fault: Option<Diagnostic>,
    early: Vec<Early>,
    unanswered: Vec<Unanswered>,
    /// Pod's name → the lock of its creations, as long as one is under way.
    name_locks: HashMap<String, Weak<Mutex<()>>>,
    is_blind: bool,
    probing: Probing,
    /// Whether the events were listed once, or cannot be.
    are_events_listed: bool,
    numbers: u64,
}

/// Handles the commands of a launcher until it is dropped; `creations` is the number of creations that are not finished, clean-up included.
pub(crate) async fn run(
    cluster: Cluster,
    namespace: String,
    options: LauncherOptions,
    mut commands: mpsc::UnboundedReceiver<Command>,
    creations: watch::Sender<usize>,
) {
    let (answers, mut answered) = mpsc::unbounded_channel();
    let pods = follow(cluster.namespaced::<Pod>(&namespace), Selection::labelled(ours::selector()));
    let of_pods = Selection { labels: None, fields: Some("involvedObject.kind=Pod".to_owned()) };
    let events = follow(cluster.namespaced::<Event>(&namespace), of_pods);
    let (mut pods, mut events) = (std::pin::pin!(pods), std::pin::pin!(events));
    let mut state = Namespace {
        options,
        start: Instant::now(),
        worker: Worker {
            objects: JobObjects::new(&cluster, &namespace),
            cluster,
            namespace,
            answers,
            request_limits: RequestLimits::new(),
            creations,
        },
        jobs: HashMap::new(),
        wakes: Timetable::default(),
        known: HashMap::new(),
        happened: HashMap::new(),
        late: HashMap::new(),
        is_listed: false,
        is_patient: true,
        fault: None,
        early: Vec::new(),
        unanswered: Vec::new(),
        name_locks: HashMap::new(),
        is_blind: false,
        probing: Probing::new(),
        are_events_listed: false,
        numbers: 0,
    };
    loop {
        let wake = state.wake();
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => state.command(command),
                None => return,
            },
            Some(change) = pods.next() => state.pods_changed(change),
            // Events are read only once the pods are known.
            Some(change) = events.next(), if state.is_listed => state.events_changed(change),
            Some(answer) = answered.recv() => state.answered(answer),
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => state.time_passed(),
        }
    }
}

impl Namespace {
    fn now(&self) -> Moment {
        let since = self.start.elapsed();
        let wall = self.options.now.checked_add(since).unwrap_or(self.options.now);
        Moment { elapsed: BEFORE + since, wall, cluster: self.worker.cluster.time().unwrap_or(wall) }
    }

    fn wake(&self) -> Option<Instant> {
        let answers = self.unanswered.iter().map(|one| one.until);
        let early = self.early.iter().map(|early| early.until);
        answers.chain(early).chain(self.wakes.first()).min().and_then(|at| self.start.checked_add(at.saturating_sub(BEFORE)))
    }

    fn command(&mut self, command: Command) {
        let asked = self.now().elapsed;
        // Existing pods are known from the first list on.
        let until = match &command {
            Command::List { .. } if !self.is_listed => Some(asked + LIST),
            Command::Launch { .. } | Command::Adopt { .. } if self.is_patient => {
                Some(asked + (self.options.answer / 2).min(PATIENCE))
            }
            // The end of a job comes after its beginning.
            Command::Terminate { pod, .. } => self.early.iter().find(|early| early.command.begins(pod)).map(|early| early.until),
            _ => None,
        };
        match until {
            Some(until) => self.early.push(Early { command, asked, until }),
            None => self.carry_out(command, asked),
        }
    }

    /// Carries out a command that was given at the time `asked`.
    fn carry_out(&mut self, command: Command, asked: Duration) {
        match command {
            Command::Launch { job, reply } => self.launch(*job, asked + self.options.answer, reply),
            Command::Adopt { pod, uid, limits, reply } => self.adopt(&pod, uid.as_deref(), limits, reply),
            Command::List { reply } => {
                let _ =
                    reply.send(if self.is_listed { Ok(self.known.values().cloned().collect()) } else { Err(self.unlisted()) });
            }
            Command::Terminate { pod, uid, why } => {
                let Some(entry) = self.jobs.get(&pod) else { return };
                if uid.is_none() || uid.as_deref() == entry.life.uid() {
                    if let Some(progress) = &entry.creating {
                        progress.stop();
                    }
                    self.step(&pod, Observation::Terminate(why));
                }
            }
        }
    }

    fn unlisted(&self) -> Diagnostic {
        self.fault.clone().unwrap_or_else(|| {
            let message = format!("the API server did not list the job pods within {} s", LIST.as_secs());
            Diagnostic::error(Code::TimedOut, message).hint("check that it answers, and ask again")
        })
    }

    /// Passes an observation to a job, and carries out its actions.
    fn step(&mut self, name: &str, observation: Observation) {
        let now = self.now();
        let Some(entry) = self.jobs.get_mut(name) else { return };
        let shown = match &observation {
            Observation::Seen(pod) | Observation::Looked(PodLookup::Found(pod)) if entry.may_be_ours(pod) => Some(pod),
            _ => None,
        };
        if let Some(pod) = shown
            && let Some(secrets) = entry.learn(pod)
        {
            self.worker.own(name, pod.metadata.uid.as_deref().unwrap_or_default(), &secrets, entry.number, Duration::ZERO);
        }
        let is_watched = self.known.get(name).is_some_and(|known| entry.life.uid() == Some(known.uid.as_str()));
        entry.life.set_watched(is_watched);
        for action in entry.step(observation, now) {
            match action {
                // The pod may be being created; that result answers the question.
                Action::Look => match &entry.creating {
                    Some(progress) => {
                        progress.stop();
                        entry.look_wanted = true;
                    }
                    None => self.worker.look(name, entry.number),
                },
                Action::ReadLog => self.worker.read_log(name, entry.life.logged_container(), entry.number),
                Action::Delete { grace } => self.worker.delete(name, entry.life.uid(), grace, entry.number),
            }
        }
        self.wakes.set(name, entry.life.wake());
        if entry.life.has_ended()
            && let Some(progress) = &entry.creating
        {
            progress.stop();
        }
        if entry.life.is_done()
            && let Some(entry) = self.forget(name)
        {
            self.late.retain(|_, late| late.until > now.elapsed);
            let was_requested = entry.was_requested || entry.creating.as_ref().is_some_and(Progress::has_asked);
            if let Some((job, site)) = entry.of.clone().filter(|_| was_requested && entry.life.uid().is_none()) {
                self.late.insert(name.to_owned(), LatePod { job, site, until: now.elapsed + LATE });
            }
            if entry.is_owner || entry.is_kept() || entry.credentials.is_empty() {
                entry.settle(None);
            } else {
                let name_lock = self.name_lock(name);
                self.worker.delete_secrets(name, entry, name_lock);
            }
        }
    }

    /// Ends following a job.
    fn forget(&mut self, name: &str) -> Option<JobEntry> {
        self.wakes.set(name, None);
        self.jobs.remove(name)
    }

    fn each(&mut self, observation: &Observation) {
        for name in self.jobs.keys().cloned().collect::<Vec<_>>() {
            self.step(&name, observation.clone());
        }
    }

    fn is_current(&self, name: &str, number: u64) -> bool {
        self.jobs.get(name).is_some_and(|entry| entry.number == number)
    }

    fn time_passed(&mut self) {
        let now = self.now().elapsed;
        let (early, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.early).into_iter().partition(|early| early.until <= now);
        self.early = waiting;
        for Early { command, asked, .. } in early {
            // The first list took too long. If a pod exists, its creation is refused.
            self.is_patient &= matches!(command, Command::List { .. });
            self.carry_out(command, asked);
        }
        for name in self.wakes.due(now) {
            self.step(&name, Observation::TimePassed);
        }
        self.answer_late(now);
    }
}
