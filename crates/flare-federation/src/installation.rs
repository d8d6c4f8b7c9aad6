//! Stricter cross checks before participants are installed: a prepared kit can still be corrected, but clients of a running federation
//! need the server's right name.

use flare_diagnostic::{Checked, Code, Collector, Diagnostic, Faults, Severity};
use flare_names::{Role, Target};
use flare_yaml::shown as printable;

use crate::cross_checks::{Member, cross_check};

/// As [`cross_check`], and stricter: the server's certificate must contain a name, each client must call the server by one that it contains,
/// the tag of each image must not name another release than the one that the kit is prepared for, and only the server is exposed.
///
/// # Errors
/// `INVALID_FEDERATION`, all faults at once.
pub fn check_for_installation(members: &[Member<'_>]) -> Result<Checked<()>, Faults> {
    let mut found = Collector::new();
    for warning in cross_check(members)?.warnings {
        // No client connects to a server whose certificate is for another name.
        let is_fatal = warning.code == Code::CertificateAtRisk;
        found.push(if is_fatal {
            Diagnostic { severity: Severity::Error, code: Code::InvalidFederation, ..warning }
        } else {
            warning
        });
    }
    found.extend(members.iter().filter_map(server_without_a_name));
    found.extend(members.iter().filter_map(image_of_another_release));
    found.extend(members.iter().filter_map(exposed_client));
    found.finish(|| ())
}

/// An installation would refuse its kit as well (D44), but only after that was staged.
fn server_without_a_name(member: &Member<'_>) -> Option<Diagnostic> {
    let is_nameless = member.facts.role == Role::Server && member.facts.certificate_names.is_empty();
    is_nameless.then(|| {
        let name = printable(&member.entry.name);
        let message =
            format!("the certificate of `{name}` names no host (subjectAltName): clients refuse it, whatever they call it");
        let hint = "set `default_host` or `host_names` in project.yml and provision again";
        Diagnostic::error(Code::InvalidFederation, message).hint(hint).at(member.entry.places.kit.clone())
    })
}

fn exposed_client(member: &Member<'_>) -> Option<Diagnostic> {
    let is_exposed = member.facts.role == Role::Client && member.entry.expose.is_some();
    is_exposed.then(|| {
        let name = printable(&member.entry.name);
        let message = format!("`expose` of `{name}` is for a server: nobody outside of its cluster calls a client");
        Diagnostic::error(Code::InvalidFederation, message).hint("leave `expose` out there").at(member.entry.places.name.clone())
    })
}

fn image_of_another_release(member: &Member<'_>) -> Option<Diagnostic> {
    let (image, target) = (&member.facts.image, member.facts.target);
    let release: Target = target.other_release(&image.tag)?.parse().ok()?;
    let message = format!(
        "the image `{}:{}` of `{}` is of FLARE {release} by its tag, and the kit is prepared for {target}",
        printable(&image.repository),
        printable(&image.tag),
        printable(&member.entry.name)
    );
    let hint = format!("use an image of FLARE {target} for every participant, or set `defaults.target` to {release}");
    Some(Diagnostic::error(Code::InvalidFederation, message).hint(hint).at(member.entry.places.name.clone()))
}
