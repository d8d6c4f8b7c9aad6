//! Single files.

use std::path::Path;

use flare_file_tree::write_new_files;

#[test]
fn none_of_the_files_is_left_where_one_of_them_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("new/first"), directory.path().join("taken"));
    std::fs::write(&second, "mine").unwrap();
    let files: [(&Path, &[u8]); 2] = [(&first, b"1"), (&second, b"2")];
    assert!(write_new_files(&files, 0o644).is_err());
    assert!(!first.exists());
    assert_eq!(std::fs::read_to_string(&second).unwrap(), "mine");
    std::fs::remove_file(&second).unwrap();
    write_new_files(&files, 0o644).unwrap();
    assert_eq!(std::fs::read_to_string(&first).unwrap(), "1");
    assert_eq!(std::fs::read_to_string(&second).unwrap(), "2");
}
