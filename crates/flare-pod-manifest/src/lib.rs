#![doc = include_str!("../README.md")]

mod acceptable;
mod additions;
mod credentials;
mod document;
mod explain;
mod hidden;
mod job_file;
mod manifest;
mod origin;
mod own_code;
mod path;
mod pod;
mod request;
pub mod schema;
mod secrets;
mod site_defaults;
mod site_files;
mod study;
mod token;
mod warnings;

pub use additions::{Additions, ContainerDefault, Owner};
pub use credentials::{CREDENTIALS_PREFIX, credentials_secret};
pub use explain::{Explanation, FieldOrigin};
pub use hidden::Hidden;
pub use job_file::JOB_META_FILES;
pub use manifest::{Manifest, manifest};
pub use origin::Origin;
pub use own_code::{Admitted, POLICY_FILES, own_code_policy};
pub use path::SitePath;
pub use pod::GPU_RESOURCE;
pub use request::{LAUNCHER_KEYS, LaunchRequest, PLACEHOLDER_JOB_ID, PreparedSite, Submission};
pub use site_files::{FileContent, SiteFiles};
pub use study::{StudyClaim, StudyClaims, check_study_files, study_claims};
