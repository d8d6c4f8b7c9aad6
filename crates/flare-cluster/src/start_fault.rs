//! Why a container was not started: a decision that depends on sentences of container runtimes and of the kubelet, because Kubernetes
//! provides nothing else.

/// Why a container cannot be created or started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFault {
    /// The image does not run the command.
    Command,
    /// The memory limit is too low even for the start.
    Memory,
    /// The kubelet does not know something yet that the pod names, as after its own start.
    Passing,
}

/// Texts of runtimes (runc, crun) and of the kubelet, in lower case; the first match counts.
const STARTS: &[(&str, StartFault)] = &[
    ("oom-killed", StartFault::Memory),
    ("memory limit too low", StartFault::Memory),
    ("executable file", StartFault::Command),
    ("exec format error", StartFault::Command),
    ("services have not yet been read", StartFault::Passing),
    ("failed to sync secret cache", StartFault::Passing),
    ("failed to sync configmap cache", StartFault::Passing),
];

/// The meaning of a text about a container that was not started; `None` if it is unknown.
pub fn start_fault(text: &str) -> Option<StartFault> {
    let text = text.to_ascii_lowercase();
    STARTS.iter().find(|(known, _)| text.contains(known)).map(|(_, fault)| *fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_container_from_its_start() {
        for (text, expected) in [
            (
                "container create failed: executable file `/opt/python` not found: No such file or directory",
                Some(StartFault::Command),
            ),
            (
                "exec: \"/opt/python\": stat /opt/python: no such file or directory; executable file not found in $PATH",
                Some(StartFault::Command),
            ),
            ("failed to create containerd task: container init was OOM-killed (memory limit too low?)", Some(StartFault::Memory)),
            ("services have not yet been read at least once, cannot construct envvars", Some(StartFault::Passing)),
            ("failed to sync secret cache: timed out waiting for the condition", Some(StartFault::Passing)),
            ("couldn't find key a in Secret fl/b", None),
        ] {
            assert_eq!(start_fault(text), expected, "{text}");
        }
    }
}
