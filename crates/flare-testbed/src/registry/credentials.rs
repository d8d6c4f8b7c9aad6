//! User and password of the private registry.

use std::{fmt, fs, path::Path};

use flare_diagnostic::{Code, Diagnostic, Faults};
use serde::{Deserialize, Serialize};

use super::files::{credentials_file, write_private};
use crate::fault::cache_disk;

/// The user's name.
const USER: &str = "puller";

/// bcrypt's minimum cost, since the password has 128 random bits and is checked for every request.
const COST: u32 = 4;

/// User and password of the private registry. The `Debug` form does not show the password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password, 32 hexadecimal digits.
    pub password: String,
}

impl Credentials {
    /// Reads the credentials of a state directory, and creates them if there are none.
    pub(super) fn get_or_build(state_directory: &Path) -> Result<Self, Faults> {
        let path = credentials_file(state_directory);
        if path.exists() { Self::read(state_directory) } else { Self::make(&path) }
    }

    /// Reads the credentials of a state directory.
    pub(super) fn read(state_directory: &Path) -> Result<Self, Faults> {
        let path = credentials_file(state_directory);
        let bytes = fs::read(&path).map_err(|error| cache_disk("read", &path, &error))?;
        serde_json::from_slice(&bytes).map_err(|_| damaged(&path).into())
    }

    fn make(path: &Path) -> Result<Self, Faults> {
        let mut bytes = [0_u8; 16];
        let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
        if filled != Ok(bytes.len()) {
            return Err(no_randomness().into());
        }
        let password = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let made = Self { user: USER.to_owned(), password };
        write_private(path, &serde_json::to_string(&made).expect("credentials are two strings"))?;
        Ok(made)
    }

    /// The line of a password file that docker-registry reads.
    pub(super) fn htpasswd(&self) -> Result<String, Faults> {
        let digest = bcrypt::hash(&self.password, COST).map_err(|_| no_randomness())?;
        Ok(format!("{}:{digest}\n", self.user))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

fn damaged(path: &Path) -> Diagnostic {
    Diagnostic::error(Code::ClusterFailed, format!("`{}` is damaged", path.display())).hint("take the cluster down and up again")
}

fn no_randomness() -> Diagnostic {
    Diagnostic::error(Code::MachineNotReady, "the kernel gives no random bytes").hint("look whether /dev/urandom can be read")
}

#[cfg(test)]
mod tests {
    use super::Credentials;

    #[test]
    fn credentials_stay_and_their_digest_is_of_the_password() {
        let state = tempfile::tempdir().unwrap();
        let made = Credentials::get_or_build(state.path()).unwrap();
        assert_eq!(Credentials::get_or_build(state.path()).unwrap(), made);
        let line = made.htpasswd().unwrap();
        let digest = line.trim().strip_prefix("puller:").unwrap();
        assert!(bcrypt::verify(&made.password, digest).unwrap());
        assert!(!format!("{made:?}").contains(&made.password));
    }
}
