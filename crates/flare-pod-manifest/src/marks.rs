//! The labels and annotations of job pods and their Secrets, by which launchers, sweeps and `uninstall` find them (defect 18).

/// The label that says who made an object, with its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "flare-kube");

/// The label that says what an object belongs to, with its value.
pub const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", "nvflare");

/// The label that says what an object is for.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// The value of [`COMPONENT`] of a job pod, and of a Secret of only that job.
pub const JOB_COMPONENT: &str = "job";

/// The value of [`COMPONENT`] of the Secret with the site's startup kit, which all its jobs share.
pub const STARTUP_COMPONENT: &str = "startup-kit";

/// The annotation with the raw name of the site; the label of this name has it as a valid label value.
pub const SITE: &str = "flare-kube/site";

/// The annotation with the raw job id; the label of this name has it as a valid label value.
pub const JOB_ID: &str = "flare-kube/job-id";

/// The annotation with the raw name of the study; the label of this name has it as a valid label value.
pub const STUDY: &str = "flare-kube/study";
