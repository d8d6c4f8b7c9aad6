//! The command line of the job process.

use crate::{explain::Explanation, origin::Origin, request::LaunchRequest};

/// `-u -m <module>`, the flags of the role with their values, then `--set` and the parent's list.
pub(super) fn of(request: &LaunchRequest, explanation: &mut Explanation) -> Vec<String> {
    let process = &request.process_args;
    let mut args = vec!["-u".to_owned(), "-m".to_owned(), process.module.clone()];
    for (flag, value) in &process.flags {
        args.extend([flag.clone(), value.expose().to_owned()]);
    }
    if !request.set.is_empty() {
        args.push("--set".to_owned());
        args.extend(request.set.iter().map(|item| item.expose().to_owned()));
    }
    // Values may be tokens, so the explanation has only the flags.
    let flags: Vec<_> = process.flags.iter().map(|(flag, _)| flag.as_str()).collect();
    explanation.container("args", format!("{} with {}", process.module, flags.join(" ")), Origin::Parent);
    args
}
