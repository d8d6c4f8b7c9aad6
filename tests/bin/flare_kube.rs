//! The program under test: the same entry as `xtask` and `flare-kube`.

fn main() -> std::process::ExitCode {
    flare_kube::main()
}
