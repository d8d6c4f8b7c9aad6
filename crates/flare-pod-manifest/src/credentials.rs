//! The credentials of a job process: for 2.9 a separate Secret, to which the pod refers.

use crate::{
    request::{CREDENTIALS, LaunchRequest},
    token::Token,
};

/// The variable that holds the token of the workspace transfer.
pub(crate) const TRANSFER_TOKEN: &str = "NVFL_WORKSPACE_TRANSFER_TOKEN";

/// 2.9: how the name of the Secret with a job's credentials begins; the name of its pod follows.
pub const CREDENTIALS_PREFIX: &str = "nvflare-cred-";

/// 2.9: the name of the Secret with the credentials of the job that this pod runs.
pub fn credentials_secret(pod: &str) -> String {
    format!("{CREDENTIALS_PREFIX}{pod}")
}

/// Whether a variable of a job's process holds a credential, in any release.
pub(crate) fn is_variable(name: &str) -> bool {
    name == TRANSFER_TOKEN || CREDENTIALS.iter().any(|(_, variable)| *variable == name)
}

/// 2.9: the Secret's content, in order. The transfer token is always present.
pub(crate) fn of(request: &LaunchRequest) -> impl Iterator<Item = (&'static str, &Token)> {
    let given = request.process_args.credentials.iter().map(|(name, token)| (*name, token));
    given.chain(std::iter::once((TRANSFER_TOKEN, &request.transfer_token)))
}
