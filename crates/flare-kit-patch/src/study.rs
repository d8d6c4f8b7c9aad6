//! The study file that users fill in: created if the kit has none, never changed.

use flare_diagnostic::Diagnostic;
use flare_file_tree::FileTree;
use flare_site_plan::{SitePlan, StudyTemplate};

use crate::{edits::Edits, json_file};

/// 2.8: study, dataset, claim.
const STUDY_DATA: &str = "\
# Which claims hold the data of which study. Job pods mount each dataset at /data/<study>/<dataset>.
# The claims must be in the namespace of this site. FLARE 2.8 reads this file when the parent starts:
# restart the parent after a change.
#
# my-study:
#   training:
#     source: nvfldata   # a PersistentVolumeClaim
#     mode: ro           # ro (read-only) or rw
#
# Jobs that are submitted without a study belong to the study `default`.
{}
";

/// 2.9: everything that a study uses at this site.
const STUDY_RUNTIME: &str = "\
# What the job pods of each study get at this site: image, data, environment, Secrets, pod settings.
# FLARE reads this file at each launch. Jobs that are submitted without a study belong to the study `default`.
#
# studies:
#   my-study:
#     container:
#       image: registry.example.com/nvflare/nvflare:2.9   # for jobs that name no image
#     datasets:                                           # mounted at /data/<study>/<dataset>
#       training:
#         source: nvfldata                                # a PersistentVolumeClaim of this namespace
#         mode: ro                                        # ro (read-only) or rw
#     env:
#       LOG_LEVEL: info
#     secret_env:
#       DB_PASSWORD: {source: study-db, key: password}    # a Secret and a key in it
#     secret_mounts:
#       db-ca:
#         source: study-db-ca                             # a Secret
#         mount_path: /var/run/nvflare/secrets/db-ca
#     pod_template: pod_templates/gpu.yaml                # a file below local/
format_version: 2
studies: {}
";

pub(crate) fn edit(kit: &FileTree, plan: &SitePlan, edits: &mut Edits) -> Result<(), Diagnostic> {
    let (path, text) = match plan.study_template {
        None => return Ok(()),
        Some(StudyTemplate::StudyData) => ("local/study_data.yaml", STUDY_DATA),
        Some(StudyTemplate::StudyRuntime) => ("local/study_runtime.yaml", STUDY_RUNTIME),
    };
    if !json_file::is_present(kit, path)? {
        edits.written.push((path, text.to_owned()));
    }
    Ok(())
}
