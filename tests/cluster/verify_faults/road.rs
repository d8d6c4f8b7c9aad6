//! Faults on the road from a site to its server, some of which only its parent's pod can see, and how soon `install` ends with them.

use std::fs;
use std::time::Instant;

use integration_tests::cluster::component::close_port;
use integration_tests::cluster::federation::Federation;
use integration_tests::reference::Release;

use super::fault::Fault;
use super::fault::Sign::{Nowhere, Says};
use super::fault::fault;
use super::site::{Site, failed};
use super::table::Table;
use super::{SERVER, SITE, SMALL, with_server};

#[test]
fn what_keeps_a_site_from_its_server_is_named() {
    Table::run(
        || with_server("verify-reach"),
        |table| {
            let words = ["DNS resolution", "not resolve", "Name or service not known", "name resolution"];
            let dns = Nowhere(&words, "the log repeats `Retrying` without a reason");
            let dns = fault("server's name does not resolve", "D71", "`nvflare-server` does not resolve", dns);
            table.row("dns", dns, |site| {
                site.prepare(SMALL).stage().install(&[]);
            });

            let closed = Nowhere(&["refused", "REFUSED"], "the log repeats `Retrying` without a reason");
            let closed = fault("nothing listens at the server's address", "D72", "nothing listens there", closed);
            table.row("closed", closed, |site| {
                site.prepare(SMALL).stage().kubectl(&["create", "service", "clusterip", SERVER, "--tcp=8002"]);
                site.install(&[]);
            });

            table.row("name", another_name(), |site| {
                call_another_name(site);
                site.install(&[]);
            });

            let says = Says(&["CERTIFICATE_VERIFY_FAILED"]);
            let root = fault("server of another provisioning", "D72", "not one of this project's", says);
            table.row("root", root, |site| {
                site.replace_kit(&Federation::provision(Release::V28));
                site.prepare(SMALL).stage().call_server(SERVER).install(&[]);
            });
        },
    );
}

/// FLARE's log is silent about it.
fn another_name<'row>() -> Fault<'row> {
    let words = &["Hostname mismatch", "Hostname Verification", "CERTIFICATE_VERIFY_FAILED", "is not valid for"];
    let sign = Nowhere(words, "the log repeats `Retrying` without a reason");
    fault("server's certificate has another name", "D72", "not made out to `other-name`", sign)
}

/// A staged kit that calls the server by a name that its certificate does not have.
fn call_another_name(site: &Site<'_>) {
    let role_file = site.kit.join("startup/fed_client.json");
    let text = fs::read_to_string(&role_file).unwrap().replace("nvflare-server:8002", "other-name:8002");
    fs::write(role_file, text).unwrap();
    site.prepare(SMALL).stage().call_server("other-name");
}

#[test]
fn a_port_that_a_firewall_closes_is_named() {
    Table::run(
        || with_server("verify-wall"),
        |table| {
            let words = &["timed out", "Deadline Exceeded", "DEADLINE_EXCEEDED"];
            let wall = Nowhere(words, "the log repeats `Retrying` without a reason");
            let wall = fault("port closed by a firewall", "D72", "nobody answers", wall).after(|site| {
                site.namespace.wait_for_rollout(SITE);
                close_port(&site.namespace, SITE, 8002);
            });
            table.row("firewall", wall, |site| {
                site.prepare(SMALL).stage().call_server(SERVER).install(&[]);
            });
        },
    );
}

#[test]
fn install_does_not_wait_until_its_time_is_up_for_a_server_with_another_name() {
    Table::run(
        || with_server("verify-san"),
        |table| {
            let installed = another_name().named_by("install", |site, fault| {
                let began = Instant::now();
                let document = failed(&mut site.installation(&["--timeout", "300"]), 5);
                let named = fault.named(site, began, &document);
                assert_eq!(document["error_code"], "INSTALL_FAILED", "it ended before its time was up: {document:#}");
                assert_eq!(document["data"]["recovery"]["state"], "removed", "{document:#}");
                named
            });
            table.row("other-name", installed, call_another_name);
        },
    );
}
