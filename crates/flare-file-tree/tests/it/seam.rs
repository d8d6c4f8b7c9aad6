//! Only one file of the crate may change the disk; otherwise the fault tests would miss calls.

use std::path::Path;

#[test]
fn only_the_file_with_the_fault_hook_changes_the_disk() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let changing = [
        "mkdir",
        "renameat",
        "unlink",
        "fchmod",
        "chmodat",
        "fsync(",
        "OFlags::CREATE",
        "OFlags::WRONLY",
        "OFlags::RDWR",
        "io::write",
        "io::copy",
        "std::fs::write",
        "create_dir(",
        "create_dir_all",
        "remove_dir(",
        "remove_dir_all",
        "set_permissions",
        "symlinkat",
        "linkat(",
        "ftruncate",
        "utimens",
    ];
    let mut seen = 0;
    for entry in std::fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let found: Vec<_> = code.filter(|line| changing.iter().any(|word| line.contains(word))).collect();
        if path.ends_with("disk.rs") {
            seen = found.len();
        } else {
            assert!(found.is_empty(), "{}: {found:?}", path.display());
        }
    }
    assert!(seen >= 8, "the words of this test no longer fit disk.rs: {seen}");
}
