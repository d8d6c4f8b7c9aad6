//! Fills `fuzz/corpus/<target>/` from the fixtures: `cargo run --manifest-path fuzz/Cargo.toml --example seed`.
//! Corpora stay out of git. The first byte of many inputs chooses, see the head of each target.

use std::{error::Error, ffi::OsStr, fs, path::Path};

use flare_kube_fuzz::{ROLES, default_plan, kit, prepare};
use flare_names::{Role, Target};
use flare_prepared_kit::MARKER_FILE;
use x509_cert::der::pem::decode_vec;

const COMM_CONFIG: &[u8] =
    br#"{"allow_adhoc_conns": false, "internal": {"scheme": "tcp", "resources": {"host": "h", "port": 1}}}"#;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for directory in ["fixtures/configs/valid", "fixtures/configs/invalid", "crates/flare-site-config"] {
        for (name, bytes) in yaml_files(&root.join(directory))? {
            for target in ["site_config", "yaml", "prepare"] {
                seed(target, &name, &bytes)?;
            }
            for line in String::from_utf8_lossy(&bytes).lines() {
                if let Some(image) = line.trim().strip_prefix("docker_image: ") {
                    seed("image_reference", &name, image.as_bytes())?;
                }
            }
        }
    }
    for directory in ["fixtures/federations/valid", "fixtures/federations/invalid", "crates/flare-federation"] {
        for (name, bytes) in yaml_files(&root.join(directory))? {
            seed("federation", &name, &bytes)?;
            seed("yaml", &name, &bytes)?;
        }
    }
    let quantities = ["1", "0.5", "100m", "1.5Gi", "8Gi", "1e3", "1E-3", "-2k", "9223372036854775807", ".5n", "1Ei"];
    for quantity in quantities {
        seed("quantity", quantity, format!("{quantity}1500m").as_bytes())?;
    }
    for (number, role) in (0_u8..).zip(ROLES) {
        seed_kit(number, role)?;
        for (bit, target) in [0, 2].into_iter().zip(Target::ALL) {
            seed_prepared(number | bit, role, target)?;
        }
    }
    Ok(())
}

fn seed_kit(number: u8, role: Role) -> Outcome {
    let kit = kit(role);
    let bytes = |file: &str| kit.bytes(file).unwrap_or_else(|| panic!("no `{file}`"));
    let own = format!("startup/{role}");
    seed("role_file", role.as_str(), &[&[number], bytes(&format!("startup/fed_{role}.json"))].concat())?;
    let files = [(0, "startup/rootCA.pem"), (4, &format!("{own}.crt")), (8, &format!("{own}.key")), (12, "startup/rootCA.pem")];
    for (which, file) in files {
        let pem = bytes(file);
        let (_, der) = decode_vec(pem)?;
        seed("certificate", &format!("{role}-{which}"), &[&[number | which], pem].concat())?;
        seed("certificate", &format!("{role}-{which}-der"), &[&[number | which | 2], &*der].concat())?;
    }
    for release in [0, 2] {
        let input = [&[number | release], COMM_CONFIG, b"\0", bytes("local/resources.json.default")].concat();
        seed("kit_patch", &format!("{role}-{release}"), &input)?;
    }
    Ok(())
}

fn seed_prepared(choice: u8, role: Role, target: Target) -> Outcome {
    let prepared = prepare(default_plan(role, target).clone());
    for (bit, file) in [(0, "helm_chart/values.yaml"), (4, MARKER_FILE)] {
        let bytes = prepared.tree().bytes(file).ok_or("a prepared kit has both files")?;
        seed("values", &format!("{role}-{target}-{bit}"), &[&[choice | bit], bytes].concat())?;
    }
    Ok(())
}

fn yaml_files(directory: &Path) -> Result<Vec<(String, Vec<u8>)>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("yaml"))
            && let Some(name) = path.file_name()
        {
            files.push((name.to_string_lossy().into_owned(), fs::read(&path)?));
        }
    }
    Ok(files)
}

fn seed(target: &str, name: &str, bytes: &[u8]) -> Outcome {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&directory)?;
    Ok(fs::write(directory.join(name), bytes)?)
}
