//! The process: everything is in the library, so that tests can call it.

fn main() -> std::process::ExitCode {
    flare_kube::main()
}
