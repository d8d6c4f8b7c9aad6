//! Processes many items on all cores, with the results in the items' order.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Processes every item and returns the results in order. A single item needs no thread.
pub(crate) fn each<Item: Sync, Done: Send>(items: &[Item], work: impl Fn(&Item) -> Done + Sync) -> Vec<Done> {
    let mut results = Vec::with_capacity(items.len());
    in_order(items, work, |done| results.push(done));
    results
}

/// Processes every item and passes each result to `take` as soon as all earlier ones are complete, so that only early results are
/// held. `take` is never called by two threads at once.
pub(crate) fn in_order<Item: Sync, Done: Send>(
    items: &[Item],
    work: impl Fn(&Item) -> Done + Sync,
    mut take: impl FnMut(Done) + Send,
) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    with_threads(threads, items, work, &mut take);
}

/// As [`each`], with a maximum number of threads, for work that mostly waits.
pub(crate) fn at_once<Item: Sync, Done: Send>(threads: usize, items: &[Item], work: impl Fn(&Item) -> Done + Sync) -> Vec<Done> {
    let mut results = Vec::with_capacity(items.len());
    with_threads(threads, items, work, |done| results.push(done));
    results
}

fn with_threads<Item: Sync, Done: Send>(
    threads: usize,
    items: &[Item],
    work: impl Fn(&Item) -> Done + Sync,
    mut take: impl FnMut(Done) + Send,
) {
    let threads = threads.min(items.len());
    if threads < 2 {
        items.iter().map(work).for_each(take);
        return;
    }
    let next = AtomicUsize::new(0);
    let queue = Mutex::new(Queue { early: BTreeMap::new(), taken: 0, take: &mut take });
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let done = work(item);
                    queue.lock().expect("no worker panics while it holds the lock").add(index, done);
                }
            });
        }
    });
}

/// Results that wait for earlier ones.
struct Queue<Done, Take> {
    early: BTreeMap<usize, Done>,
    taken: usize,
    take: Take,
}

impl<Done, Take: FnMut(Done)> Queue<Done, Take> {
    fn add(&mut self, index: usize, done: Done) {
        self.early.insert(index, done);
        while let Some(done) = self.early.remove(&self.taken) {
            self.taken += 1;
            (self.take)(done);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let doubled = super::each(&items, |item| item * 2);
        assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(super::each(&[7], |item| item + 1), [8]);
        assert!(super::each(&[] as &[u8], |item| *item).is_empty());
    }
}
