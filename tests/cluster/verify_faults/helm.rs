//! What keeps `install` from its Helm, which it refuses before it changes anything.

use integration_tests::cluster::install::lock;

use super::fault::Sign::Says;
use super::fault::fault;
use super::table::Table;
use super::{SITE, SMALL, without_server};

#[test]
fn what_keeps_helm_from_an_installation_is_named() {
    Table::run(
        || without_server("verify-helm"),
        |table| {
            let missing = fault("Helm missing", "HELM_NOT_FOUND", "no `helm` on `PATH`", Says(&["command not found"]));
            let missing = missing.named_by("install", |site, fault| {
                fault.refused(site.installation(&[]).env_remove("HELM").env("PATH", "/nowhere"))
            });
            let locked = fault("Helm release locked", "RELEASE_LOCKED", "is locked", Says(&["another operation"]));
            let locked = locked
                .after(|site| lock(&site.namespace, SITE, &site.prepared(), "pending-install"))
                .named_by("install", |site, fault| fault.refused(&mut site.installation(&[])));
            table.rows("refused", &[missing, locked], |site| {
                site.prepare(SMALL).stage();
            });
        },
    );
}
