//! When each job continues by itself: the next time is found without a look at every job.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

/// At most one time for each job, in order.
#[derive(Debug, Default)]
pub(crate) struct Timetable {
    of_job: HashMap<String, Duration>,
    in_order: BTreeSet<(Duration, String)>,
}

impl Timetable {
    /// Replaces the time of a job; with `None` it has none any more.
    pub(crate) fn set(&mut self, job: &str, at: Option<Duration>) {
        let before = match at {
            Some(at) if self.of_job.get(job) == Some(&at) => return,
            Some(at) => {
                self.in_order.insert((at, job.to_owned()));
                self.of_job.insert(job.to_owned(), at)
            }
            None => self.of_job.remove(job),
        };
        if let Some(before) = before {
            self.in_order.remove(&(before, job.to_owned()));
        }
    }

    /// The first time of all.
    pub(crate) fn first(&self) -> Option<Duration> {
        self.in_order.first().map(|(at, _)| *at)
    }

    /// The jobs whose time has come.
    pub(crate) fn due(&self, now: Duration) -> Vec<String> {
        self.in_order.iter().take_while(|(at, _)| *at <= now).map(|(_, job)| job.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_job_has_its_latest_time_only_and_the_first_of_all_is_known() {
        let seconds = Duration::from_secs;
        let mut table = Timetable::default();
        for (job, at) in
            [("a", Some(5)), ("b", Some(3)), ("c", Some(4)), ("b", Some(9)), ("c", None), ("d", None), ("a", Some(5))]
        {
            table.set(job, at.map(seconds));
        }
        assert_eq!(table.first(), Some(seconds(5)));
        assert_eq!(table.due(seconds(8)), ["a"]);
        assert_eq!(table.due(seconds(9)), ["a", "b"]);
        table.set("a", None);
        assert_eq!((table.first(), table.due(seconds(8))), (Some(seconds(9)), Vec::new()));
    }
}
