//! Forbids core dumps, since the memory of a run holds private keys and tokens.

/// From now on a crash of this process leaves no memory on disk, neither in a file nor with a handler of the system, and no other process
/// of the user may read it. Programs that this one starts are not affected.
#[cfg(target_os = "linux")]
pub(crate) fn forbid() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    // It fails only for a value that the kernel does not know.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// From now on a crash of this process leaves no core file.
#[cfg(not(target_os = "linux"))]
pub(crate) fn forbid() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Core).maximum;
    // A limit can always be lowered.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum });
}
