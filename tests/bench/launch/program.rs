//! A program that tells in lines what happens to pods: `WORD POD TIME …`, with the time in seconds since 1970.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use integration_tests::cleanup;
use integration_tests::cluster::run::wait;

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// What happened, such as `created`, `running`, `ended`, or a phase of Kubernetes.
    pub(crate) word: String,
    /// To which pod; empty for what concerns the whole program.
    pub(crate) pod: String,
    /// When: by the program's own clock reading, or when the line was read if it has none.
    at: f64,
    /// Everything after the time.
    pub(crate) rest: String,
}

impl Told {
    fn read(line: &str) -> Self {
        let mut words = line.split(' ').map(str::to_owned);
        let (word, pod) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let at = words.next().and_then(|time| time.parse().ok()).unwrap_or_else(now);
        Self { word, pod, at, rest: words.collect::<Vec<_>>().join(" ") }
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}

/// A running program and what it has told so far. It is killed when this value is dropped.
pub(crate) struct Program {
    child: Mutex<Child>,
    input: Mutex<ChildStdin>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Program {
    /// Starts it; `each` sees every line as it arrives.
    pub(crate) fn start(command: &mut Command, each: impl Fn(&Told) + Send + 'static) -> Arc<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = cleanup::unless_interrupted(|| command.spawn()).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let input = Mutex::new(child.stdin.take().expect("stdin is piped"));
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&told);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let line = Told::read(&line);
                each(&line);
                kept.lock().unwrap().push(line);
            }
        });
        Arc::new(Self { child: Mutex::new(child), input, told })
    }

    /// Writes a line to its stdin.
    pub(crate) fn send(&self, line: &str) {
        writeln!(self.input.lock().unwrap(), "{line}").expect("the program reads");
    }

    /// Everything with this word, in order.
    pub(crate) fn lines(&self, word: &str) -> Vec<Told> {
        self.told.lock().unwrap().iter().filter(|told| told.word == word).cloned().collect()
    }

    /// When each pod first got one of these words.
    pub(crate) fn times(&self, words: &[&str]) -> BTreeMap<String, f64> {
        let mut times = BTreeMap::new();
        for told in self.told.lock().unwrap().iter().filter(|told| words.contains(&told.word.as_str())) {
            times.entry(told.pod.clone()).or_insert(told.at);
        }
        times
    }

    /// Whether it has told this word of so many pods within the time limit.
    pub(crate) fn tells(&self, words: &[&str], count: u32, limit: Duration) -> bool {
        let end = now() + limit.as_secs_f64();
        while self.count(words) < count {
            let ended = self.child.lock().unwrap().try_wait().unwrap();
            assert!(ended.is_none_or(|status| status.success()), "a program of the bench failed: {ended:?}");
            if now() > end {
                return false;
            }
            thread::sleep(Duration::from_millis(100));
            cleanup::hold_if_interrupted();
        }
        true
    }

    /// Waits until it has told one of these words of so many pods.
    pub(crate) fn wait_for(&self, words: &[&str], count: u32, limit: Duration) {
        let done = self.tells(words, count, limit);
        assert!(done, "only {} of {count} pods are {words:?} after {limit:?}", self.count(words));
    }

    /// Of how many pods it has told one of these words.
    pub(crate) fn count(&self, words: &[&str]) -> u32 {
        u32::try_from(self.times(words).len()).expect("fewer pods than that")
    }

    /// Its resident memory in kibibytes, when that has not grown for a moment.
    pub(crate) fn memory(&self) -> f64 {
        let process = self.child.lock().unwrap().id();
        let read = || -> u32 {
            let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the program runs");
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
            line.trim().trim_end_matches(" kB").parse().expect("a number")
        };
        let mut last = read();
        let settled = || {
            let before = std::mem::replace(&mut last, read());
            (before >= last).then_some(f64::from(last))
        };
        let settled = std::cell::RefCell::new(settled);
        wait(Duration::from_secs(30), || "a program's memory to settle".to_owned(), || (settled.borrow_mut())())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
    }
}
