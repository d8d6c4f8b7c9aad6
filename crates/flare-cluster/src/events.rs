//! Events: about which object they are, which one counts, how often and when something happened.
//!
//! Kubernetes has two forms of events in one type, each with its own fields for time and count.

use std::collections::HashMap;

use k8s_openapi::{api::core::v1::Event, jiff::Timestamp};

/// The events about the object with this uid, not about an earlier one of the same name; none if it has no uid.
pub fn about<'event>(events: &'event [Event], uid: Option<&str>) -> impl Iterator<Item = &'event Event> {
    events.iter().filter(move |event| uid.is_some() && event.involved_object.uid.as_deref() == uid)
}

/// When an event was last observed.
pub fn time(event: &Event) -> Option<Timestamp> {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
    let micro = series.or(event.event_time.as_ref()).map(|time| time.0);
    let plain = [&event.last_timestamp, &event.first_timestamp].into_iter().flatten().map(|time| time.0).next();
    micro.into_iter().chain(plain).max().or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

/// How often it happened.
pub fn count(event: &Event) -> i32 {
    let series = event.series.as_ref().and_then(|series| series.count);
    series.or(event.count).unwrap_or(1)
}

/// Its reason, which is one word; may be empty.
pub fn reason(event: &Event) -> &str {
    event.reason.as_deref().unwrap_or_default()
}

/// Its message; may be empty.
pub fn message(event: &Event) -> &str {
    event.message.as_deref().unwrap_or_default()
}

/// Whether its type is `Warning`.
pub fn is_warning(event: &Event) -> bool {
    event.type_.as_deref() == Some("Warning")
}

/// The newest of these events; one without a time is the oldest.
pub fn newest<'event>(events: impl IntoIterator<Item = &'event Event>) -> Option<&'event Event> {
    events.into_iter().max_by_key(|event| time(event))
}

/// How often the kubelet failed to pull the image of one container of a pod: of the one that failed most often, if the events are about several.
///
/// It reports with the same reason that the container still waits in its back-off, and several errors of one image as several events.
pub fn failed_pulls<'event>(events: impl IntoIterator<Item = &'event Event>) -> i32 {
    let mut of_container = HashMap::new();
    for event in events.into_iter().filter(|event| reason(event) == "Failed") {
        let message = message(event).strip_prefix("(combined from similar events): ").unwrap_or(message(event));
        if message.starts_with("Failed to pull image") {
            let attempts: &mut i32 = of_container.entry(event.involved_object.field_path.as_deref()).or_default();
            *attempts = attempts.saturating_add(count(event));
        }
    }
    of_container.into_values().max().unwrap_or(0)
}

/// Whether an event is about this container of its pod, or does not say about which.
pub fn is_of_container(event: &Event, container: &str) -> bool {
    // Such as `spec.containers{parent}`.
    let path = event.involved_object.field_path.as_deref();
    path.is_none_or(|path| {
        path.strip_suffix('}').and_then(|path| path.rsplit_once('{')).is_some_and(|(_, name)| name == container)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(fields: &Value) -> Event {
        let mut event = json!({"metadata": {}, "involvedObject": {}});
        for (key, value) in fields.as_object().expect("fields") {
            event[key] = value.clone();
        }
        serde_json::from_value(event).expect("an event")
    }

    #[test]
    fn both_forms_of_events_tell_when_and_how_often() {
        let at = |second: u8| format!("2026-11-28T12:00:{second:02}Z");
        let micro = |second: u8| format!("2026-11-28T12:00:{second:02}.000000Z");
        for (fields, second, times) in [
            (json!({"firstTimestamp": at(1), "lastTimestamp": at(9), "count": 4}), Some(9), 4),
            (json!({"firstTimestamp": at(1)}), Some(1), 1),
            (json!({"eventTime": micro(2)}), Some(2), 1),
            (json!({"eventTime": micro(2), "series": {"lastObservedTime": micro(7), "count": 3}}), Some(7), 3),
            (json!({"eventTime": micro(2), "lastTimestamp": at(5), "count": 2}), Some(5), 2),
            (json!({"metadata": {"creationTimestamp": at(3)}}), Some(3), 1),
            (json!({}), None, 1),
        ] {
            let event = event(&fields);
            let expected = second.map(|second| at(second).parse::<Timestamp>().expect("a time"));
            assert_eq!((time(&event), count(&event)), (expected, times), "{fields}");
        }
    }

    #[test]
    fn the_newest_event_counts_and_one_without_a_time_is_the_oldest() {
        let events = [
            event(&json!({"message": "old", "lastTimestamp": "2026-11-28T12:00:01Z"})),
            event(&json!({"message": "new", "eventTime": "2026-11-28T12:00:02.000000Z"})),
            event(&json!({"message": "timeless"})),
        ];
        assert_eq!(newest(&events).map(message), Some("new"));
        assert_eq!(newest([&events[2], &events[0]]).map(message), Some("old"));
        assert_eq!(newest([]).map(message), None);
    }

    #[test]
    fn events_are_about_an_object_and_not_about_its_name() {
        let events = [
            event(&json!({"involvedObject": {"name": "p", "uid": "a"}, "type": "Warning"})),
            event(&json!({"involvedObject": {"name": "p", "uid": "b"}})),
            event(&json!({"involvedObject": {"name": "p"}})),
        ];
        assert_eq!(about(&events, Some("a")).map(is_warning).collect::<Vec<_>>(), [true]);
        assert_eq!((about(&events, Some("c")).count(), about(&events, None).count()), (0, 0));
        for (path, expected) in [
            (Some("spec.containers{own}"), true),
            (Some("spec.initContainers{own}"), true),
            (Some("spec.containers{not-own}"), false),
            (Some("spec"), false),
            (None, true),
        ] {
            assert_eq!(is_of_container(&event(&json!({"involvedObject": {"fieldPath": path}})), "own"), expected, "{path:?}");
        }
    }

    #[test]
    fn failed_pulls_are_those_of_one_container() {
        let failed = |container: &str, times: i32, message: &str| {
            let about = json!({"fieldPath": format!("spec.containers{{{container}}}")});
            event(&json!({"reason": "Failed", "count": times, "message": message, "involvedObject": about}))
        };
        for (events, expected) in [
            (vec![failed("a", 5, "Failed to pull image \"i\": EOF")], 5),
            (vec![failed("a", 2, "Failed to pull image \"i\": EOF"), failed("a", 9, "Error: ImagePullBackOff")], 2),
            (
                vec![
                    failed("a", 3, "Failed to pull image \"i\": EOF"),
                    failed("a", 2, "Failed to pull image \"i\": i/o timeout"),
                ],
                5,
            ),
            (vec![failed("a", 3, "Failed to pull image \"i\": EOF"), failed("b", 4, "Failed to pull image \"j\": EOF")], 4),
            (vec![failed("a", 5, "(combined from similar events): Failed to pull image \"i\": EOF")], 5),
            (vec![failed("a", i32::MAX, "Failed to pull image"), failed("a", 1, "Failed to pull image")], i32::MAX),
            (vec![event(&json!({"reason": "Pulling", "count": 3, "message": "Pulling image \"i\""}))], 0),
            (vec![], 0),
        ] {
            assert_eq!(failed_pulls(&events), expected, "{events:?}");
        }
    }
}
