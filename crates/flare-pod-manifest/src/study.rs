//! Step 2: what the job's study adds to the pod: `study_data.yaml` (both releases) or `local/study_runtime.yaml` (2.9).

mod check;
mod claims;
mod content;
mod data;
mod entries;
mod needed;
mod resolve;
mod runtime;
mod template_file;

pub use check::check_study_files;
pub use claims::{StudyClaim, StudyClaims, study_claims};
pub(crate) use content::{SecretMount, Study, Template};
pub(crate) use resolve::resolve;
pub(crate) use runtime::RESERVED;
