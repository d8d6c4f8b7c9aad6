//! The task of a namespace: reads both watches, passes observations to the jobs, and starts their actions.

mod answers;
mod changes;

use std::{collections::HashMap, sync::Arc, time::Duration};

use flare_cluster::{Cluster, Selection};
use flare_diagnostic::{Code, Diagnostic};
use futures_util::StreamExt as _;
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{Event, Pod};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{Instant, sleep_until},
};

use crate::{
    Action, Job, JobPod, KnownPod, Lifecycle, Limits, Moment, Observation, Options,
    creation::{Place, Progress},
    entry::{BEFORE, Entry},
    following::follow,
    ours,
    work::{TURNS, Worker},
};

/// How long an API server may take to carry out a request that it never answered.
const LATE: Duration = Duration::from_mins(5);

/// A request from a launcher to its task.
pub(crate) enum Command {
    Launch { job: Box<JobPod>, reply: Reply },
    Adopt { pod: String, uid: Option<String>, limits: Limits, reply: Reply },
    List { reply: oneshot::Sender<Vec<KnownPod>> },
    Terminate { pod: String, uid: Option<String>, why: String },
}

pub(crate) type Reply = oneshot::Sender<Result<Job, Diagnostic>>;

/// A launch that has not been answered yet.
struct Unanswered {
    number: u64,
    job: Job,
    reply: Reply,
    until: Duration,
}

struct Namespace {
    options: Options,
    start: Instant,
    worker: Worker,
    jobs: HashMap<String, Entry>,
    /// Name → existing job pod.
    known: HashMap<String, KnownPod>,
    /// Events of pods that no job follows yet.
    happened: HashMap<String, Vec<Event>>,
    /// Pods of jobs that ended before anybody knew whether there is a pod, and until when one may still appear.
    late: HashMap<String, Duration>,
    is_listed: bool,
    /// Commands that wait for the first list.
    early: Vec<(Command, Duration)>,
    unanswered: Vec<Unanswered>,
    is_blind: bool,
    is_probing: bool,
    numbers: u64,
}

pub(crate) async fn run(cluster: Cluster, namespace: String, options: Options, mut commands: mpsc::UnboundedReceiver<Command>) {
    let (answers, mut answered) = mpsc::unbounded_channel();
    let pods = follow(cluster.namespaced::<Pod>(&namespace), Selection::labelled(ours::selector()));
    let of_pods = Selection { labels: None, fields: Some("involvedObject.kind=Pod".to_owned()) };
    let events = follow(cluster.namespaced::<Event>(&namespace), of_pods);
    let (mut pods, mut events) = (std::pin::pin!(pods), std::pin::pin!(events));
    let mut state = Namespace {
        options,
        start: Instant::now(),
        worker: Worker {
            place: Place::new(&cluster, &namespace),
            cluster,
            namespace,
            answers,
            turns: Arc::new(Semaphore::new(TURNS)),
        },
        jobs: HashMap::new(),
        known: HashMap::new(),
        happened: HashMap::new(),
        late: HashMap::new(),
        is_listed: false,
        early: Vec::new(),
        unanswered: Vec::new(),
        is_blind: false,
        is_probing: false,
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
            Some(Ok(change)) = events.next(), if state.is_listed => state.events_changed(change),
            Some(answer) = answered.recv() => state.answered(answer),
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => state.time_passed(),
        }
    }
}

impl Namespace {
    fn now(&self) -> Moment {
        let since = self.start.elapsed();
        let wall = self.options.now.checked_add(since).unwrap_or(self.options.now);
        Moment { elapsed: BEFORE + since, wall }
    }

    fn wake(&self) -> Option<Instant> {
        let lives = self.jobs.values().filter_map(|entry| entry.life.wake());
        let answers = self.unanswered.iter().map(|one| one.until);
        let early = self.early.iter().map(|(_, until)| *until);
        lives.chain(answers).chain(early).min().and_then(|at| self.start.checked_add(at.saturating_sub(BEFORE)))
    }

    fn command(&mut self, command: Command) {
        match command {
            // Existing pods are known from the first list on.
            Command::Launch { .. } | Command::Adopt { .. } | Command::List { .. } if !self.is_listed => {
                let until = self.now().elapsed + self.options.answer / 2;
                self.early.push((command, until));
            }
            Command::Launch { job, reply } => self.launch(*job, reply),
            Command::Adopt { pod, uid, limits, reply } => self.adopt(&pod, uid.as_deref(), limits, reply),
            Command::List { reply } => {
                let _ = reply.send(self.known.values().cloned().collect());
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

    fn launch(&mut self, job: JobPod, reply: Reply) {
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
        let (number, notices) = self.enter(&job.name, &job.container, job.limits.clone(), None, self.now());
        let progress = Progress::default();
        let Some(entry) = self.jobs.get_mut(&job.name) else { return };
        entry.hidden = job.hidden.clone();
        entry.credentials = job.credentials.iter().filter_map(|secret| secret.metadata.name.clone()).collect();
        entry.creating = Some(progress.clone());
        let handle = Job { pod: job.name.clone(), uid: None, taken_over: false, notices };
        let until = self.now().elapsed + self.options.answer;
        self.unanswered.push(Unanswered { number, job: handle, reply, until });
        let name = job.name.clone();
        self.worker.create(job, number, progress);
        self.step(&name, Observation::TimePassed);
    }

    fn adopt(&mut self, pod: &str, uid: Option<&str>, limits: Limits, reply: Reply) {
        if self.jobs.contains_key(pod) {
            let _ = reply.send(Err(already_followed(pod)));
            return;
        }
        let hidden = flare_pod_manifest::Hidden::default();
        if let Some(known) = self.known.get(pod).filter(|known| uid.is_none_or(|uid| known.uid == uid)).cloned() {
            return self.take_over(&known, limits, hidden, reply);
        }
        // It may be newer than the list; only a request for it shows whether it is gone.
        let now = self.now();
        let (number, notices) = self.enter(pod, "", limits, uid, now);
        let _ = reply.send(Ok(Job { pod: pod.to_owned(), uid: uid.map(str::to_owned), taken_over: true, notices }));
        self.worker.look(pod, number);
    }

    /// Takes over an existing pod. Its time counts from its creation.
    fn take_over(&mut self, known: &KnownPod, limits: Limits, hidden: flare_pod_manifest::Hidden, reply: Reply) {
        let mut asked = self.now();
        let age = known.created.map_or(SignedDuration::ZERO, |created| asked.wall.duration_since(created));
        asked.elapsed = asked.elapsed.saturating_sub(Duration::try_from(age).unwrap_or_default());
        let (number, notices) = self.enter(&known.pod, &known.container, limits, Some(&known.uid), asked);
        if let Some(entry) = self.jobs.get_mut(&known.pod) {
            entry.hidden = hidden;
            entry.credentials.clone_from(&known.credentials);
        }
        let handle = Job { pod: known.pod.clone(), uid: Some(known.uid.clone()), taken_over: true, notices };
        let _ = reply.send(Ok(handle));
        self.worker.own(&known.pod, &known.uid, &known.credentials, number);
        for event in self.happened.remove(&known.pod).into_iter().flatten() {
            self.step(&known.pod, Observation::Happened(Box::new(event)));
        }
        // Only a part of the pod is known.
        self.worker.look(&known.pod, number);
    }

    fn enter(
        &mut self,
        name: &str,
        container: &str,
        limits: Limits,
        uid: Option<&str>,
        asked: Moment,
    ) -> (u64, mpsc::UnboundedReceiver<crate::Notice>) {
        self.numbers += 1;
        let (notices, received) = mpsc::unbounded_channel();
        let entry = Entry {
            number: self.numbers,
            life: Lifecycle::new(container, limits, self.options.keep, asked)
                .of_uid(uid)
                .with_evidence_of_success(self.options.evidence_of_success),
            hidden: flare_pod_manifest::Hidden::default(),
            notices,
            settled: None,
            creating: None,
            look_wanted: false,
            credentials: Vec::new(),
            is_owner: false,
        };
        self.jobs.insert(name.to_owned(), entry);
        self.late.remove(name);
        (self.numbers, received)
    }

    /// Passes an observation to a job, and carries out its actions.
    fn step(&mut self, name: &str, observation: Observation) {
        let now = self.now();
        let Some(entry) = self.jobs.get_mut(name) else { return };
        for action in entry.step(observation, now) {
            match action {
                // The pod may be being created; that result answers the question.
                Action::Look if entry.creating.is_some() => entry.look_wanted = true,
                Action::Look => self.worker.look(name, entry.number),
                Action::ReadLog => self.worker.read_log(name, entry.life.container(), entry.number),
                Action::Delete { grace } => self.worker.delete(name, entry.life.uid(), grace, entry.number),
            }
        }
        if entry.life.has_ended()
            && let Some(progress) = &entry.creating
        {
            progress.stop();
        }
        if entry.life.is_done()
            && let Some(entry) = self.jobs.remove(name)
        {
            if entry.life.uid().is_none() {
                self.late.retain(|_, until| *until > now.elapsed);
                self.late.insert(name.to_owned(), now.elapsed + LATE);
            }
            if entry.is_owner || (self.options.keep && entry.life.uid().is_some()) {
                entry.settle();
            } else {
                self.worker.delete_secrets(entry);
            }
        }
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
        let (early, waiting) = std::mem::take(&mut self.early).into_iter().partition(|(_, until)| *until <= now);
        self.early = waiting;
        let early: Vec<(Command, Duration)> = early;
        if !early.is_empty() {
            // The first list took too long. If the pod exists, its creation is refused.
            self.is_listed = true;
        }
        for (command, _) in early {
            self.command(command);
        }
        let due = |entry: &Entry| entry.life.wake().is_some_and(|wake| wake <= now);
        let names: Vec<_> = self.jobs.iter().filter(|(_, entry)| due(entry)).map(|(name, _)| name.clone()).collect();
        for name in names {
            self.step(&name, Observation::TimePassed);
        }
        self.answer_late(now);
    }
}

fn already_followed(pod: &str) -> Diagnostic {
    Diagnostic::error(Code::InvalidLaunchRequest, format!("the job of pod `{pod}` is being launched already"))
        .hint("name each job once")
}
