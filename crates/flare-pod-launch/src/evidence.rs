//! A pod's conditions and events as readable lines.

use flare_cluster::events;
use flare_diagnostic::for_display;
use k8s_openapi::api::core::v1::{Event, Pod};

use crate::Evidence;

pub(crate) fn of(pod: Option<&Pod>, happened: &[Event], log: &[String]) -> Evidence {
    let conditions = pod.and_then(|pod| pod.status.as_ref()?.conditions.as_ref()).into_iter().flatten();
    let conditions = conditions.map(|condition| {
        let said = sentence(condition.reason.as_deref(), condition.message.as_deref());
        for_display(&format!("{}={}{said}", condition.type_, condition.status))
    });
    let mut happened: Vec<&Event> = happened.iter().collect();
    happened.sort_by_key(|event| events::time(event));
    let happened = happened.into_iter().map(|event| {
        let times = match events::count(event) {
            1 => String::new(),
            count => format!(" x{count}"),
        };
        let said = sentence(None, event.message.as_deref());
        for_display(&format!(
            "{} {}{times}{said}",
            event.type_.as_deref().unwrap_or("Normal"),
            event.reason.as_deref().unwrap_or_default()
        ))
    });
    Evidence {
        conditions: conditions.collect(),
        events: happened.collect(),
        log: log.iter().map(|line| for_display(line)).collect(),
    }
}

fn sentence(reason: Option<&str>, message: Option<&str>) -> String {
    let reason = reason.filter(|text| !text.is_empty()).map(|reason| format!(" {reason}")).unwrap_or_default();
    let message = message.filter(|text| !text.is_empty()).map(|message| format!(": {message}")).unwrap_or_default();
    reason + &message
}
