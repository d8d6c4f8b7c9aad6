//! The fault table: each row is tried, whatever became of those before it.

use std::any::Any;
use std::cell::{OnceCell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};

use integration_tests::bench::fault_times::{ONLY, is_wanted};
use integration_tests::bench::guide_times::GuideTime;
use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::namespace::Namespace;

use super::fault::Fault;
use super::guide;
use super::site::Site;

/// Rows that share a federation, and in its first namespace perhaps a server.
pub(super) struct Table {
    open: fn() -> (Namespace, Federation),
    scene: OnceCell<(Namespace, Federation)>,
    missed: RefCell<Vec<String>>,
}

impl Table {
    /// Tries rows in a scene that is opened if one of them is wanted. Fails in the end, with all that were missed.
    pub(super) fn run(open: fn() -> (Namespace, Federation), rows: impl FnOnce(&Self)) {
        let table = Self { open, scene: OnceCell::new(), missed: RefCell::default() };
        rows(&table);
        let missed = table.missed.borrow();
        assert!(missed.is_empty(), "{} rows were missed:\n{}", missed.len(), missed.join("\n"));
    }

    /// The provisioned federation.
    pub(super) fn federation(&self) -> &Federation {
        &self.scene().1
    }

    fn scene(&self) -> &(Namespace, Federation) {
        self.scene.get_or_init(self.open)
    }

    /// A site with one fault, which is set up before.
    pub(super) fn row(&self, site: &str, fault: Fault<'_>, set_up: impl FnOnce(&Site<'_>)) {
        self.rows(site, &[fault], set_up);
    }

    /// A site with several faults, one after another. The reference's chart is tried after all of them, since it replaces flare-kube's.
    pub(super) fn rows(&self, site: &str, faults: &[Fault<'_>], set_up: impl FnOnce(&Site<'_>)) {
        let only = std::env::var(ONLY).unwrap_or_default();
        let wanted: Vec<_> = faults.iter().filter(|fault| is_wanted(fault.what, &only)).collect();
        if wanted.is_empty() {
            return;
        }
        let new = || {
            let (first, federation) = self.scene();
            let site = Site::new(first, federation, site);
            set_up(&site);
            site
        };
        match caught(new) {
            Ok(site) => self.try_all(&site, &wanted),
            Err(why) => wanted.iter().for_each(|fault| self.miss(fault, &why)),
        }
    }

    fn try_all(&self, site: &Site<'_>, wanted: &[&Fault<'_>]) {
        let keep = |error: String| {
            match caught(|| site.namespace.keep()) {
                Ok(directory) => eprintln!("kept logs, events and objects of the missed fault: {}", directory.display()),
                Err(why) => eprintln!("what explains the missed fault could not be kept: {why}"),
            }
            error
        };
        for fault in wanted {
            let tried = caught(|| {
                (fault.done)(site);
                (fault.test)(site, fault)
            });
            match tried.map_err(keep) {
                Ok(named) => fault.row(Ok(named)).record(),
                Err(why) => self.miss(fault, &why),
            }
        }
        let Some(file) = guide::times() else { return };
        for fault in wanted.iter().filter(|fault| fault.verb == "verify") {
            let tried = caught(|| guide::try_by(site, fault, &file)).map_err(keep);
            if let Err(why) = &tried {
                self.missed.borrow_mut().push(format!("{}, by the guide: {why}", fault.what));
            }
            GuideTime { fault: fault.what.to_owned(), tried }.record(&file);
        }
    }

    fn miss(&self, fault: &Fault<'_>, why: &str) {
        fault.row(Err(why.to_owned())).record();
        self.missed.borrow_mut().push(format!("{}: {why}", fault.what));
    }
}

/// The result of a step, or the message of its panic.
fn caught<T>(step: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(step)).map_err(|panic| said(&*panic))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a text").to_owned()
}
