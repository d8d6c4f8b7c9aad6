//! A federation whose server is behind a load balancer, and the pages of `--report` that show it to others.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use integration_tests::cluster::federation::PARTICIPANTS;
use integration_tests::cluster::install::give_address;
use integration_tests::cluster::run::succeed_json;
use serde_json::{Value, json};

use crate::PROGRAM;
use crate::federation_up::{Scene, failed, states};

const SERVER: &str = "nvflare-server";
const ADDRESS: &str = "203.0.113.7";

/// A federation whose server is to be exposed by a load balancer.
fn exposed(test: &str) -> Scene {
    let scene = Scene::new(test);
    let (name, file) = (format!("{{name: {SERVER},"), fs::read_to_string(&scene.file).unwrap());
    assert!(file.contains(&name), "{file}");
    fs::write(&scene.file, file.replace(&name, &format!("{name} expose: load-balancer,"))).unwrap();
    scene
}

/// A page, by the verb that wrote it.
struct Pages<'scene>(&'scene Scene);

impl Pages<'_> {
    fn path(&self, verb: &str) -> PathBuf {
        self.0.file.with_file_name(format!("{verb}.html"))
    }

    /// A verb that writes its page.
    fn written_by<'command>(&self, verb: &str, command: &'command mut Command) -> &'command mut Command {
        command.arg("--report").arg(self.path(verb))
    }

    /// The page must have this title and all of these texts.
    fn say<'text>(&self, verb: &str, title: &str, texts: impl IntoIterator<Item = &'text str>) {
        let page = fs::read_to_string(self.path(verb)).unwrap();
        assert!(page.contains(&format!("<title>flare-kube {verb}: {title}</title>")), "no title `{title}` in {page}");
        for text in texts {
            assert!(page.contains(text), "no `{text}` in {page}");
        }
        assert!(!page.contains("PRIVATE KEY") && !page.contains("Token:  "), "{page}");
    }
}

/// The texts at a key of each participant.
fn each<'data>(document: &'data Value, key: &'data str) -> impl Iterator<Item = &'data str> {
    let participants = document["data"]["participants"].as_array().expect("participants");
    participants.iter().map(move |one| one[key].as_str().unwrap_or_else(|| panic!("no {key} in {one}")))
}

#[test]
fn a_federation_behind_a_load_balancer_is_up_once_that_has_an_address_and_its_pages_say_so() {
    let scene = exposed("federation-exposed");
    let pages = Pages(&scene);
    // Nothing gives the Service an address.
    let without = failed(pages.written_by("up", &mut scene.verb_within("up", 120)));
    let not_begun = "done not_begun not_begun not_begun false";
    assert_eq!(states(&without["data"]), ["done done failed not_begun false", not_begun, not_begun], "{without}");
    assert_eq!(without["error_code"], "TIMED_OUT", "{without}");
    assert!(without["hint"].as_str().unwrap().contains("`--expose host-port`"), "{without}");
    let texts = ["nothing in the cluster has given its Service", "--expose host-port", "the sites were not begun"];
    pages.say("up", "0 of 3 participants are up", texts);

    give_address(&scene.namespace, SERVER, ADDRESS);
    let up = succeed_json(pages.written_by("up", &mut scene.verb("up")));
    let site = "unchanged done done unchanged true";
    assert_eq!(states(&up["data"]), ["unchanged unchanged unchanged unchanged true", site, site], "{up}");
    let [server, sites @ ..] = up["data"]["participants"].as_array().unwrap().as_slice() else { panic!("no participants: {up}") };
    assert_eq!(server["exposed"], json!({"how": "load-balancer", "addresses": [ADDRESS], "ports": [8002, 8003]}));
    assert!(sites.iter().all(|site| site["exposed"].is_null()), "{up}");
    let mut warnings = up["warnings"].as_array().unwrap().iter();
    assert!(warnings.any(|one| one["message"].as_str().unwrap().contains(ADDRESS)), "no name leads there: {up}");
    pages.say(
        "up",
        "All 3 participants are up",
        ["From outside", ADDRESS, &scene.namespace.name].into_iter().chain(each(&up, "fingerprint")),
    );

    let again = succeed_json(&mut scene.verb("up"));
    assert_eq!(states(&again["data"]), vec!["unchanged unchanged unchanged unchanged true"; 3], "{again}");
    assert_eq!(again["data"]["participants"][0]["exposed"]["addresses"], json!([ADDRESS]));

    let _ = succeed_json(pages.written_by("status", &mut scene.verb("status")));
    let parents = PARTICIPANTS.map(|name| scene.namespace.parent(name));
    pages.say("status", "All 3 participants are up", parents.iter().map(String::as_str));

    let mut verify = scene.namespace.cluster.program(PROGRAM);
    verify.arg("verify").arg(scene.prepared().join("site-1")).args(["-o", "json", "--stable", "5"]);
    let verified = succeed_json(pages.written_by("verify", &mut verify));
    let findings = verified["data"]["findings"].as_array().unwrap().iter();
    pages.say("verify", "site-1: no check found a fault", findings.map(|finding| finding["id"].as_str().unwrap()));

    scene.federation.edit("site-2", "nvflare:2.8.3", "nvflare:2.8.99");
    let partly = failed(pages.written_by("up", &mut scene.verb("up")));
    assert!(states(&partly["data"])[2].ends_with(" failed not_begun false"), "{partly}");
    pages.say("up", "2 of 3 participants are up", ["nvflare:2.8.99", "INSTALL_FAILED", "What to do: ", "D52"]);
}
