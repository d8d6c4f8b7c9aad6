//! What holds for any observations in any order.

use std::time::Duration;

use flare_pod_launch::{Class, JobState, Notice, Observation, PodLookup};
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::json;

use crate::scene::{UID, at, ended, found, life, limits, pending, pod_with, running, warning};

fn any_observation() -> impl Strategy<Value = Observation> {
    let stranger = pod_with("u2", "Running", &json!({"running": {}}), false);
    let deleting = pod_with(UID, "Running", &json!({"running": {}}), true);
    let bare: Pod = serde_json::from_value(json!({"metadata": {"uid": UID}})).unwrap();
    let refused = Observation::NotCreated { class: Class::Hopeless, reason: "Refused".into(), message: "no".into() };
    prop::sample::select(vec![
        pending(),
        running(),
        ended(0),
        ended(1),
        deleting,
        stranger.clone(),
        Observation::Seen(Box::new(bare)),
        found(pending()),
        found(running()),
        found(ended(0)),
        found(stranger),
        Observation::Looked(PodLookup::Nothing),
        Observation::Looked(PodLookup::NoAnswer),
        Observation::Looked(PodLookup::Refused("Forbidden".into())),
        Observation::CreationFailed { message: "503".into() },
        refused,
        Observation::Missing,
        Observation::Gone,
        warning("FailedMount"),
        Observation::EventsListed,
        Observation::NoAnswer,
        Observation::Refused("Forbidden".into()),
        Observation::Sighted,
        Observation::Terminate("stop".into()),
        Observation::Logged(vec!["line".into()]),
        Observation::Deleted(Ok(true)),
        Observation::Deleted(Ok(false)),
        Observation::Deleted(Err("503".into())),
        Observation::TimePassed,
    ])
}

/// The position of a notice in the order of notices.
fn rank(notice: &Notice) -> usize {
    match notice {
        Notice::Changed(_) | Notice::Uid(_) => 0,
        Notice::Ended(_) => 1,
        Notice::Kept(_) => 2,
        Notice::Settled(_) => 3,
    }
}

proptest! {
    /// For any observations at any time: the end comes exactly once and before what follows it, and without further observations the
    /// machine finishes in bounded time, unless the job simply runs.
    #[test]
    fn every_job_ends_once_and_every_wait_ends(
        script in prop::collection::vec((0..200_u64, any_observation()), 0..40),
        keep in any::<bool>(),
        stop in any::<bool>(),
        existed in any::<bool>(),
    ) {
        let mut life = if existed { life(keep).taken_over(Some(UID), at(0)) } else { life(keep) };
        let mut notices = life.step(Observation::TimePassed, at(0)).notices;
        let mut now = 0;
        for (pause, observation) in script {
            now += pause;
            notices.extend(life.step(observation, at(now)).notices);
        }
        if stop {
            notices.extend(life.step(Observation::Terminate("stop".into()), at(now)).notices);
        }
        let limits = limits();
        let longest = limits.longest_start() + limits.blind + limits.longest_abort() + limits.evidence + limits.removal;
        let last = Duration::from_secs(now) + longest;
        let mut wakes = 0;
        while let Some(wake) = life.wake() {
            prop_assert!(wake <= last, "it waits until {wake:?}, {last:?} is the bound");
            now = now.max(wake.as_secs());
            notices.extend(life.step(Observation::TimePassed, at(now)).notices);
            wakes += 1;
            prop_assert!(wakes < 1000, "it wakes for ever");
        }
        let runs = matches!(notices.last(), Some(Notice::Changed(to)) if to.state == JobState::Running);
        prop_assert!(life.is_done() || (runs && !stop), "{:?} {life:?}", notices.last());
        let ends = notices.iter().filter(|notice| matches!(notice, Notice::Ended(_))).count();
        prop_assert_eq!(ends, usize::from(life.is_done()));
        prop_assert!(notices.iter().map(rank).is_sorted(), "{:?}", notices);
    }
}
