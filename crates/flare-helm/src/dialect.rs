//! The flags that differ between Helm 3 and Helm 4.

/// The major version, which decides the flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Helm 3.
    Three,
    /// Helm 4.
    Four,
}

/// Whether Helm itself waits after it has sent the objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wait {
    /// Not at all, for callers with their own rules.
    #[default]
    No,
    /// Until Helm finds the objects ready.
    Ready,
    /// Until then; if that fails, Helm returns to the last deployed revision.
    ReadyOrRollBack,
}

impl Dialect {
    /// The flags of a wait for `upgrade`.
    pub(crate) const fn wait(self, wait: Wait) -> &'static [&'static str] {
        match (self, wait) {
            // Helm 4 still waits for hooks, which the charts do not have.
            (_, Wait::No) => &[],
            (Self::Three, Wait::Ready) => &["--wait"],
            (Self::Four, Wait::Ready) => &["--wait=watcher"],
            (Self::Three, Wait::ReadyOrRollBack) => &["--atomic"],
            (Self::Four, Wait::ReadyOrRollBack) => &["--rollback-on-failure", "--wait=watcher"],
        }
    }

    /// The flags with which fields that somebody else has changed are set back. Helm 3 always does it; Helm 4 refuses the whole
    /// upgrade unless it is told to, which only server-side apply knows.
    pub(crate) const fn set_back(self) -> &'static [&'static str] {
        match self {
            Self::Three => &[],
            Self::Four => &["--server-side=true", "--force-conflicts"],
        }
    }

    /// The flag that lists releases in every state, which Helm 4 always does.
    pub(crate) const fn every_state(self) -> &'static [&'static str] {
        match self {
            Self::Three => &["--all"],
            Self::Four => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_helm_is_told_in_its_own_words() {
        assert_eq!(Dialect::Three.wait(Wait::ReadyOrRollBack), ["--atomic"]);
        assert_eq!(Dialect::Four.wait(Wait::ReadyOrRollBack), ["--rollback-on-failure", "--wait=watcher"]);
        assert_eq!(Dialect::Three.wait(Wait::Ready), ["--wait"]);
        assert!(Dialect::Three.wait(Wait::No).is_empty() && Dialect::Four.wait(Wait::No).is_empty());
        assert_eq!(
            (Dialect::Three.set_back(), Dialect::Four.set_back()),
            (&[][..], &["--server-side=true", "--force-conflicts"][..])
        );
        assert_eq!((Dialect::Three.every_state(), Dialect::Four.every_state()), (&["--all"][..], &[][..]));
    }
}
