//! Faults on the road from a site to its server that only its parent's pod can see, and how soon `install` ends with them.

use std::fs;
use std::time::Instant;

use integration_tests::cluster::component::close_port;
use integration_tests::helm::helm;

use super::site::{Site, failed, fault};
use super::{SERVER, SITE, SMALL, with_server};
use crate::PROGRAM;

#[test]
fn a_port_that_a_firewall_closes_is_named() {
    let (first, federation) = with_server("verify-wall");
    let walled = Site::new(&first, &federation, "firewall");
    walled.prepare(SMALL).stage().call_server(SERVER).install(&[]);
    walled.namespace.wait_for_rollout(SITE);
    close_port(&walled.namespace, SITE, 8002);
    walled.expect(&fault("port closed by a firewall", "D72", "nobody answers"));
}

/// FLARE's log is silent about it.
#[test]
fn install_does_not_wait_until_its_time_is_up_for_a_server_with_another_name() {
    let (first, federation) = with_server("verify-san");
    let named = Site::new(&first, &federation, "other-name");
    let role_file = named.kit.join("startup/fed_client.json");
    let text = fs::read_to_string(&role_file).unwrap().replace("nvflare-server:8002", "other-name:8002");
    fs::write(role_file, text).unwrap();
    named.prepare(SMALL).stage().call_server("other-name");
    let mut install = named.namespace.cluster.program(PROGRAM);
    install.arg("install").arg(named.prepared()).args(["-o", "json", "--timeout", "300"]).env("HELM", helm());
    let began = Instant::now();
    let document = failed(&mut install, 5);
    named.named(
        &fault("server's certificate has another name", "D72", "not made out to `other-name`"),
        "install",
        began,
        &document,
    );
    assert_eq!(document["error_code"], "INSTALL_FAILED", "it ended before its time was up: {document:#}");
    assert_eq!(document["data"]["recovery"]["state"], "removed", "{document:#}");
}
