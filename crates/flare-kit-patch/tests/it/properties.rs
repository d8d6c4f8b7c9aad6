//! What holds for every kit.

use flare_file_tree::Entry;
use flare_kit_patch::patch;
use flare_names::{Role, Target};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::*;

/// Any JSON value without floats, which two readers may print differently.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z\"\\\\ä]{0,4}",
        prop::sample::select(vec![
            "components",
            "internal",
            "resources",
            "scheme",
            "snapshot_persistor",
            "args",
            "id",
            "path",
            "storage"
        ])
        .prop_map(str::to_owned),
    ]
}

fn any_object() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((key(), any_value()), 0..6).prop_map(|members| members.into_iter().collect())
}

fn component() -> impl Strategy<Value = Value> {
    let ids = ["process_launcher", "slurm_launcher", "k8s_launcher", "resource_manager", "job_manager", "mine", "other"];
    (prop::sample::select(ids.to_vec()), any_object()).prop_map(|(id, mut component)| {
        component.insert("id".to_owned(), json!(id));
        component.insert("args".to_owned(), json!({"a": 1}));
        Value::Object(component)
    })
}

proptest! {
    #[test]
    fn everything_that_no_rule_names_keeps_value_and_order(
        mut resources in any_object(),
        components in prop::collection::vec(component(), 0..5),
        comm in any_object(),
        server in any::<bool>(),
        new in any::<bool>(),
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let target = if new { Target::V2_9 } else { Target::V2_8 };
        resources.insert("components".to_owned(), json!(components));
        let mut comm = comm;
        comm.insert("internal".to_owned(), json!({"kept": [1, {"x": null}], "resources": {"kept": "ä"}}));
        let mut tree = kit(role);
        put(&mut tree, RESOURCES, json!(resources).to_string());
        put(&mut tree, COMM_CONFIG, serde_json::to_string_pretty(&comm).unwrap());
        let plan = plan(role, target);
        let out = patched(tree, &plan).value;

        let after = json(&out, RESOURCES);
        let after = after.as_object().unwrap();
        prop_assert_eq!(after.keys().collect::<Vec<_>>(), resources.keys().collect::<Vec<_>>());
        for (key, value) in resources.iter().filter(|(key, _)| *key != "components" && *key != "snapshot_persistor") {
            prop_assert_eq!(&after[key], value);
        }
        let kept = |component: &&Value| {
            let id = component["id"].as_str().unwrap();
            ["mine", "other", "job_manager"].contains(&id) || id == "slurm_launcher" && target == Target::V2_8
        };
        let list = after["components"].as_array().unwrap();
        let expected: Vec<_> = components.iter().filter(kept).cloned().map(|mut component| {
            if role == Role::Server && component["id"] == "job_manager" {
                component["args"]["uri_root"] = json!("/var/tmp/nvflare/workspace/jobs-storage");
            }
            component
        }).collect();
        prop_assert_eq!(&list[..list.len() - 2], &expected[..]);

        let after = json(&out, COMM_CONFIG);
        prop_assert_eq!(after.as_object().unwrap().keys().collect::<Vec<_>>(), comm.keys().collect::<Vec<_>>());
        prop_assert_eq!(&after["internal"]["kept"], &comm["internal"]["kept"]);
        prop_assert_eq!(&after["internal"]["resources"]["kept"], &json!("ä"));

        let again = patched(out.clone(), &plan).value;
        for path in [RESOURCES, COMM_CONFIG] {
            prop_assert_eq!(text(&again, path), text(&out, path), "patching twice gives the same bytes");
        }
    }

    #[test]
    fn no_input_panics_and_every_fault_is_the_kits(resources in ".{0,40}", comm in prop::collection::vec(any::<u8>(), 0..40), new in any::<bool>()) {
        let mut tree = kit(Role::Server);
        put(&mut tree, RESOURCES, resources);
        put(&mut tree, COMM_CONFIG, comm);
        if let Err(faults) = patch(tree, &plan(Role::Server, if new { Target::V2_9 } else { Target::V2_8 })) {
            assert_invalid_kit(&faults);
        }
    }

    #[test]
    fn files_that_no_rule_names_keep_bytes_and_mode(
        files in prop::collection::btree_map("(startup|local|transfer)/x[a-z]{1,6}", (prop::collection::vec(any::<u8>(), 0..20), 0u32..0o1000), 0..8),
    ) {
        let mut tree = kit(Role::Client);
        for (path, (bytes, mode)) in &files {
            tree.insert_file(flare_file_tree::RelativePath::new(path.as_str()).unwrap(), bytes.clone(), *mode);
        }
        let out = patched(tree.clone(), &plan(Role::Client, Target::V2_9)).value;
        for path in files.keys() {
            let same = matches!((tree.get(path), out.get(path)), (Some(Entry::File { content: a, mode: b }), Some(Entry::File { content: c, mode: d })) if a == c && b == d);
            prop_assert!(same, "{}", path);
        }
    }
}
