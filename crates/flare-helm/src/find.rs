//! Finds the user's Helm, and checks that this crate supports it.

use std::{
    ffi::OsString,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use flare_diagnostic::{Code, Diagnostic, shown};
use semver::Version;

use crate::{
    Dialect, RunLimits, fault,
    process::{self, RunOutcome},
};

/// The oldest supported Helm: the first whose dry run asks the server, which shows what an upgrade would change.
const LEAST_VERSION: Version = Version::new(3, 13, 0);

/// A supported Helm.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    version: Version,
    dialect: Dialect,
}

impl Helm {
    /// Uses the program `given`, otherwise `helm`, and asks for its version. A name without a slash is looked up in the search path,
    /// as in a shell, and then in the working directory; anything else is a path.
    ///
    /// # Errors
    /// `HELM_NOT_FOUND`; `HELM_NOT_SUPPORTED` if it is too old, too new or not Helm; `TIMED_OUT` and `INTERRUPTED`.
    pub fn find(given: Option<&Path>, search_path: &[PathBuf], limits: &RunLimits<'_>) -> Result<Self, Diagnostic> {
        let program = match given {
            None => in_search_path(Path::new("helm"), search_path)?,
            Some(name) if !name.as_os_str().as_encoded_bytes().contains(&b'/') => match in_search_path(name, search_path) {
                // The slash keeps the system from looking it up once more.
                Err(_) if is_program(name) => Path::new(".").join(name),
                found => found?,
            },
            Some(path) if is_program(path) => path.to_path_buf(),
            Some(path) => {
                let shown = shown(&path.to_string_lossy());
                return Err(missing(format!("there is no program at `{shown}`, which was named as Helm")));
            }
        };
        let arguments: Vec<OsString> = ["version", "--template", "{{.Version}}"].map(OsString::from).into();
        let printed = match process::run(&program, &arguments, *limits) {
            Ok(RunOutcome::Success(printed)) => printed,
            Ok(RunOutcome::Failure(_)) => {
                return Err(unsupported(&program, "does not tell its version, so it is not Helm 3 or 4"));
            }
            Ok(RunOutcome::TimedOut) => return Err(fault::timed_out("tell its version", limits.time)),
            Ok(RunOutcome::Stopped) => return Err(fault::interrupted()),
            Err(error) => {
                return Err(missing(format!("`{}` cannot be run: {}", shown(&program.to_string_lossy()), error.kind())));
            }
        };
        let printed = String::from_utf8_lossy(&printed);
        let Some(version) = parse(&printed) else {
            return Err(unsupported(
                &program,
                &format!("says that its version is `{}`, which is not a version", shown(printed.trim())),
            ));
        };
        let dialect = dialect(&version).map_err(|why| unsupported(&program, &format!("is Helm {version}, {why}")))?;
        Ok(Self { program, version, dialect })
    }

    /// Its version.
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// Its path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }
}

/// The first program of this name in the search path.
fn in_search_path(name: &Path, search_path: &[PathBuf]) -> Result<PathBuf, Diagnostic> {
    let mut places = search_path.iter().map(|directory| directory.join(name));
    let found = places.find(|path| is_program(path));
    found.ok_or_else(|| missing(format!("there is no `{}` on `PATH`", shown(&name.to_string_lossy()))))
}

/// Parses a version as printed by Helm: `v3.22.0`, or with the commit after a `+`.
fn parse(printed: &str) -> Option<Version> {
    let printed = printed.trim();
    Version::parse(printed.strip_prefix('v').unwrap_or(printed)).ok()
}

/// The dialect of a version, or why it is not supported.
fn dialect(version: &Version) -> Result<Dialect, String> {
    match version.major {
        3 if version.minor < LEAST_VERSION.minor => Err(format!("and {LEAST_VERSION} is the oldest that works here")),
        3 => Ok(Dialect::Three),
        4 => Ok(Dialect::Four),
        0..=2 => Err("and Helm 3 or 4 is needed".to_owned()),
        _ => Err("which is newer than the Helm 3 and 4 that are known here".to_owned()),
    }
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn missing(message: String) -> Diagnostic {
    Diagnostic::error(Code::HelmNotFound, message).hint(format!(
        "install Helm {LEAST_VERSION} or a later 3, or Helm 4 (https://helm.sh/docs/intro/install), or name one with `--helm` or the variable `HELM`"
    ))
}

fn unsupported(program: &Path, what: &str) -> Diagnostic {
    Diagnostic::error(Code::HelmNotSupported, format!("`{}` {what}", shown(&program.to_string_lossy()))).hint(format!(
        "install Helm {LEAST_VERSION} or a later 3, or Helm 4, or name such a program with `--helm` or the variable `HELM`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_3_from_the_least_version_on_and_helm_4_are_driven() {
        let of = |text: &str| dialect(&parse(text).unwrap());
        assert_eq!(of("v3.13.0"), Ok(Dialect::Three));
        assert_eq!(of("v3.22.0+g8a1b2c3\n"), Ok(Dialect::Three));
        assert_eq!(of("v4.0.0-rc.1"), Ok(Dialect::Four));
        assert_eq!(of("4.3.1"), Ok(Dialect::Four));
        // A distribution's build of a release candidate of the oldest version has its dry run too.
        assert_eq!(of("v3.13.0-rc.1"), Ok(Dialect::Three));
        for refused in ["v3.12.3", "v2.17.0", "v5.0.0"] {
            assert!(of(refused).is_err(), "{refused}");
        }
        assert!(of("v3.12.3").unwrap_err().contains("3.13.0"));
        let hints = [missing(String::new()).hint, unsupported(Path::new("helm"), "").hint];
        assert!(hints.iter().flatten().filter(|hint| hint.contains("3.13.0")).count() == 2, "{hints:?}");
        for none in ["", "Client: v2.17.0", "helm", "v3"] {
            assert!(parse(none).is_none(), "{none}");
        }
    }
}
