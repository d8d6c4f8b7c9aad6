//! What is wrong with a prepared kit, which `verify --offline` finds without a cluster. The guide's reader meets it there.

use std::fs;
use std::process::Command;

use integration_tests::cluster::federation::Federation;
use integration_tests::cluster::run::succeed;
use integration_tests::reference::Release;

use super::fault::Sign::{Lacks, Nowhere, Says};
use super::fault::fault;
use super::site::Site;
use super::table::Table;
use super::{SERVER, SITE, SMALL, guide, with_server, without_server};
use crate::PROGRAM;

/// Signs a certificate again by the root of its provisioning, so that it has expired yesterday.
const EXPIRED: &str = "import datetime, json, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
key = serialization.load_pem_private_key(json.load(open(sys.argv[1]))['root_pri_key'].encode(), None)
old = x509.load_pem_x509_certificate(open(sys.argv[2], 'rb').read())
day, now = datetime.timedelta(days=1), datetime.datetime.now(datetime.timezone.utc)
new = x509.CertificateBuilder(old.issuer, old.subject, old.public_key(), old.serial_number, now - 10 * day, now - day)
for extension in old.extensions:
    new = new.add_extension(extension.value, extension.critical)
open(sys.argv[2], 'wb').write(new.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))";

#[test]
fn what_is_wrong_with_the_prepared_kit_needs_no_cluster() {
    let scene = || if guide::times().is_some() { with_server("verify-kit") } else { without_server("verify-kit") };
    Table::run(scene, |table| {
        let says = Says(&["Invalid private key"]);
        let key = fault("key of another participant", "D41", "does not belong to", says).with(&["--offline"]);
        table.row("key", key, |site| {
            site.prepare(SMALL);
            let another = table.federation().kit("site-2").join("startup/client.key");
            fs::copy(another, site.prepared().join("startup/client.key")).unwrap();
            met_by_the_reader(site, &[]);
        });

        let port =
            Nowhere(&["no longer fits", "refused"], "the parent joins, and only a job finds nothing at the port of the kit");
        let port = fault("parent port changed after `prepare`", "D40", "`port` no longer fits", port).with(&["--offline"]);
        table.row("port", port, |site| {
            site.prepare(SMALL);
            edit_values(site, "\nport: 8102", "\nport: 8103");
            met_by_the_reader(site, &["port=8103"]);
        });

        let name = fault("service name changed after `prepare`", "D40", "`serviceName` no longer fits", Lacks("service/site-1"));
        table.row("service-name", name.with(&["--offline"]), |site| {
            site.prepare(SMALL);
            edit_values(site, "serviceName: \"site-1\"", "serviceName: \"other\"");
            met_by_the_reader(site, &["serviceName=\"other\""]);
        });

        let expired = Says(&["certificate has expired", "CERTIFICATE_EXPIRED", "certificate expired"]);
        let expired = fault("certificate expired", "D42", "has expired", expired).with(&["--offline"]);
        table.row("expired", expired, |site| {
            site.prepare(SMALL);
            expire(table.federation(), site);
            met_by_the_reader(site, &[]);
        });
    });
}

#[test]
fn a_prepared_kit_as_it_should_be_is_good_without_a_cluster() {
    let (first, federation) = without_server("verify-good");
    let whole = Site::new(&first, &federation, "whole");
    whole.prepare(SMALL);
    let mut verify = whole.sandbox.command(PROGRAM);
    succeed(verify.arg("verify").arg(whole.prepared()).arg("--offline"));
}

/// Edits the values of a prepared kit.
fn edit_values(site: &Site<'_>, from: &str, to: &str) {
    let values = site.prepared().join("helm_chart/values.yaml");
    let text = fs::read_to_string(&values).unwrap();
    assert!(text.contains(from), "no `{from}` in\n{text}");
    fs::write(values, text.replace(from, to)).unwrap();
}

/// Lets the certificate of a prepared kit expire.
fn expire(federation: &Federation, site: &Site<'_>) {
    let mut sign = Command::new(Release::V28.python());
    sign.arg("-c").arg(EXPIRED).arg(federation.kit(SITE).join("../../state/cert.json"));
    succeed(sign.arg(site.prepared().join("startup/client.crt")));
}

/// Stages the kit as it is, since the guide's reader does so; with these values.
fn met_by_the_reader(site: &Site<'_>, settings: &[&str]) {
    if guide::times().is_some() {
        site.stage_unchecked().call_server(SERVER).would_install(settings);
    }
}
