//! Tables that `fixtures/names/make.py` took from the reference.

use flare_names::{ServiceName, StudyVolumeKind, hashed, job_id, job_pod, stable, study_volume};

/// The rows of a table; columns that are JSON strings are decoded.
fn rows<const COLUMNS: usize>(file: &str) -> Vec<[String; COLUMNS]> {
    let path = format!("{}/../../fixtures/names/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let decode = |column: &str| if column.starts_with('"') { serde_json::from_str(column).unwrap() } else { column.to_owned() };
    let rows: Vec<[String; COLUMNS]> =
        text.lines().map(|line| line.split('\t').map(decode).collect::<Vec<_>>().try_into().unwrap()).collect();
    assert!(rows.len() > 500, "{file} has {} rows", rows.len());
    rows
}

#[test]
fn the_stable_rule_is_the_reference_s_but_for_a_newline_at_the_end() {
    let mut newlines = Vec::new();
    for [raw, limit, expected] in rows("stable.tsv") {
        let ours = stable(&raw, limit.parse().unwrap());
        if expected.ends_with('\n') {
            assert!(ServiceName::new(expected).is_err(), "the reference's own result is not a name");
            assert!(ServiceName::new(ours).is_ok());
            newlines.push(raw);
        } else {
            assert_eq!(ours, expected, "{raw:?}, limit {limit}");
        }
    }
    assert_eq!(newlines, ["site-1\n", "site-1\n"]);
}

#[test]
fn the_hashed_rule_is_the_reference_s() {
    for [raw, limit, expected] in rows("hashed.tsv") {
        assert_eq!(hashed(&raw, limit.parse().unwrap()), expected, "{raw:?}, limit {limit}");
    }
}

#[test]
fn job_ids_are_the_reference_s() {
    for [raw, expected] in rows("job_id.tsv") {
        assert_eq!(job_id(&raw), expected, "{raw:?}");
    }
}

#[test]
fn job_pods_are_the_reference_s_where_kubernetes_would_take_them() {
    let mut refused = 0;
    for [raw, site, expected] in rows("job_pod.tsv") {
        if let Some(pod) = job_pod(&raw, &site) {
            assert_eq!(pod.as_str(), expected, "{raw:?} at {site:?}");
        } else {
            // Job ids that are not UUIDs and leave nothing, or a hyphen, at the start.
            assert!(expected.starts_with('-'), "{raw:?} at {site:?} gives {expected}");
            refused += 1;
        }
    }
    assert!(refused < 200, "{refused}");
}

#[test]
fn study_volumes_are_the_reference_s() {
    for [kind, study, item, expected] in rows("study_volume.tsv") {
        let kind = if kind == "data" { StudyVolumeKind::Dataset } else { StudyVolumeKind::Secret };
        assert_eq!(study_volume(kind, &study, &item).as_str(), expected, "{study:?}, {item:?}");
    }
}
