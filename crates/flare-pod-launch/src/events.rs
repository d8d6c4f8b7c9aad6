//! Events of a pod: which one counts, and its age.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;

/// The age from which an event says nothing about the present.
const RECENT: Duration = Duration::from_mins(1);

/// The newest time of an event.
pub(crate) fn time(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
    let micro = series.or(event.event_time.as_ref()).map(|time| time.0);
    let plain = [&event.last_timestamp, &event.first_timestamp].into_iter().flatten().map(|time| time.0).next();
    micro.into_iter().chain(plain).max().or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

fn reason(event: &Event) -> &str {
    event.reason.as_deref().unwrap_or_default()
}

pub(crate) fn message(event: &Event) -> &str {
    event.message.as_deref().unwrap_or_default()
}

/// The newest event for which `counts`; one without a time is the oldest.
pub(crate) fn newest(events: &[Event], counts: impl Fn(&str, bool) -> bool) -> Option<&Event> {
    let is_warning = |event: &Event| event.type_.as_deref() == Some("Warning");
    events.iter().filter(|event| counts(reason(event), is_warning(event))).max_by_key(|event| time(event))
}

/// Whether an event is of the last minute; a local clock that is behind the cluster's does not make it old.
pub(crate) fn is_recent(event: &Event, now: Timestamp) -> bool {
    time(event).is_some_and(|time| now.duration_since(time) < jiff::SignedDuration::try_from(RECENT).unwrap_or_default())
}

/// How often the event happened.
pub(crate) fn count(event: &Event) -> i32 {
    let series = event.series.as_ref().and_then(|series| series.count);
    series.or(event.count).unwrap_or(1)
}

/// What an autoscaler reported last: true if it adds a node, false if no node that it may add would fit.
pub(crate) fn brings_a_node(events: &[Event]) -> Option<bool> {
    let event = newest(events, |reason, _| matches!(reason, "TriggeredScaleUp" | "Nominated" | "NotTriggerScaleUp"))?;
    Some(reason(event) != "NotTriggerScaleUp")
}

/// The newest warning of the last minute about why a scheduled pod does not start.
pub(crate) fn trouble(events: &[Event], now: Timestamp) -> Option<&Event> {
    const REASONS: [&str; 9] = [
        "BackOff",
        "Failed",
        "FailedAttachVolume",
        "FailedCreatePodSandBox",
        "FailedMount",
        "FailedSync",
        "InspectFailed",
        "NetworkNotReady",
        "FailedMapVolume",
    ];
    newest(events, |reason, warning| warning && REASONS.contains(&reason)).filter(|event| is_recent(event, now))
}
