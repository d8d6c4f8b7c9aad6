//! The credentials of a job process: for 2.9 a separate Secret, to which the pod refers.

use crate::{request::LaunchRequest, token::Token};

/// The variable that holds the token of the workspace transfer.
pub(crate) const TRANSFER_TOKEN: &str = "NVFL_WORKSPACE_TRANSFER_TOKEN";

/// 2.9: the per-job Secret.
pub(crate) fn secret_name(request: &LaunchRequest) -> String {
    format!("nvflare-cred-{}", request.job.pod_name)
}

/// 2.9: the Secret's content, in order. The transfer token is always present.
pub(crate) fn of(request: &LaunchRequest) -> impl Iterator<Item = (&'static str, &Token)> {
    let given = request.process_args.credentials.iter().map(|(name, token)| (*name, token));
    given.chain(std::iter::once((TRANSFER_TOKEN, &request.transfer_token)))
}
